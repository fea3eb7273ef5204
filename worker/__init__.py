"""The Celery side: the app and a reason for each of its settings, beat's table, Flower's page, logs.

Tasks are named as strings here, so that no import goes up to `tasks/`.
"""
