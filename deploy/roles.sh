#!/bin/sh
# Run once by the image of PostgreSQL, in /docker-entrypoint-initdb.d, as the superuser that nobody else is.
set -eu
exec psql --no-psqlrc --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" \
    --set=database="$POSTGRES_DB" --set=owner=planshift_owner --set=owner_password="$OWNER_PASSWORD" \
    --set=app=planshift_app --set=app_password="$APP_PASSWORD" --file=/planshift/roles.sql
