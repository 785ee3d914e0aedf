#!/bin/sh
# Makes a certificate for a local try: ./nginx/make-certificate.sh [name] [folder]. Browsers warn about it unless they
# trust <folder>/ca.crt; in production put a real one at <folder>/tls.crt and <folder>/tls.key.
set -eu
name=${1:-localhost}
folder=${2:-$(dirname "$0")/certificates}
days=397

mkdir -p "$folder"
if [ -e "$folder/tls.key" ]; then
    echo "$folder/tls.key is there already: nothing done."
    exit 0
fi
umask 077
work=$(mktemp -d "$folder/.new.XXXXXX")
trap 'rm -rf "$work"' EXIT

new_key() { openssl ecparam -genkey -name prime256v1 -noout -out "$1"; }

new_key "$work/ca.key"
openssl req -x509 -new -key "$work/ca.key" -days "$days" -out "$work/ca.crt" \
    -subj "/CN=Auth Service local CA" -addext "keyUsage=critical,keyCertSign"

new_key "$work/tls.key"
cat > "$work/extensions" <<EXTENSIONS
subjectAltName = DNS:$name, DNS:localhost, IP:127.0.0.1, IP:::1
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
EXTENSIONS
openssl req -new -key "$work/tls.key" -subj "/CN=$name" |
    openssl x509 -req -CA "$work/ca.crt" -CAkey "$work/ca.key" -CAcreateserial -days "$days" \
        -extfile "$work/extensions" -out "$work/tls.crt" 2> "$work/log" || { cat "$work/log" >&2; exit 1; }

# The key of the CA is not kept: nobody can make further certificates that your browser trusts.
chmod 644 "$work/ca.crt" "$work/tls.crt"
mv "$work/ca.crt" "$work/tls.crt" "$work/tls.key" "$folder/"
echo "Made $folder/tls.crt for $name, signed by $folder/ca.crt."
