"""The app instance for Celery's own command line: `celery -A worker.celery`."""

from worker.app import create_app

app = create_app()
