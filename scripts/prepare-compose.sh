#!/bin/sh
# Makes what docker-compose.yml mounts: random secrets in secrets/ and a local certificate. Never overwrites one.
set -eu
cd "$(dirname "$0")/.."
umask 077
mkdir -p secrets
random() { openssl rand -hex 32; }
write() { [ -e "secrets/$1" ] || printf '%s' "$2" > "secrets/$1"; }

write postgres_password "$(random)"
write redis_password "$(random)"
write secret_key "$(random)"
write metrics_token "$(random)"
write grafana_password "$(random)"
write database_url "postgres://auth:$(cat secrets/postgres_password)@postgres:5432/auth"
write redis_url "redis://:$(cat secrets/redis_password)@redis:6379"
# Compose mounts them as they are, and the server is no root: the folder is closed instead of its files.
chmod 700 secrets
chmod 644 secrets/*
./nginx/make-certificate.sh "${SERVER_NAME:-localhost}"
# Read by nginx's root before it drops its rights.
echo "Now: docker compose up --detach --build, then https://localhost:8443 (trust nginx/certificates/ca.crt)."
