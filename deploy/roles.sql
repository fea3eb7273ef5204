-- The roles of Planshift, made once, when the database is new: by `postgres` of docker-compose.yml, or by hand with
-- psql -v database=planshift -v owner=planshift_owner -v owner_password=… -v app=planshift_app -v app_password=…
-- `migrate` is the owner; all else is the application, which owns nothing, and to which `migrate --application-role`
-- gives what it needs.
CREATE ROLE :"owner" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'owner_password';
CREATE ROLE :"app" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'app_password' CONNECTION LIMIT 300;
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT, CREATE, TEMPORARY ON DATABASE :"database" TO :"owner";
GRANT CONNECT ON DATABASE :"database" TO :"app";
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO :"owner";
GRANT USAGE ON SCHEMA public TO :"app";
