"""The Celery tasks, one module for each part of the task names; worker/app.py lists the modules for the workers."""
