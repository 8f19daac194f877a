# Certificates for a storage behind TLS: sourced after _cordon.sh, then `make_certificates`.
#
#   $WORK/tls/ca.pem, other-ca.pem    two authorities that do not know each other
#   $WORK/tls/NAME.pem, NAME.key      signed by ca.pem: `storage` for $STO_IP4, `stranger` for
#                                     another host

need openssl
TLS_PORT=8443

make_certificates() {
    mkdir -p "$WORK/tls"
    _authority ca
    _authority other-ca
    _certificate storage "$STO_IP4"
    _certificate stranger 192.0.2.77
    chmod -R a+rX "$WORK/tls"
}
_ssl() { openssl "$@" >> "$WORK/openssl.log" 2>&1 || fail "openssl: $*"; }
_authority() {
    _ssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" \
        -keyout "$WORK/tls/$1.key" -out "$WORK/tls/$1.pem"
}
_certificate() {
    _ssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
        -keyout "$WORK/tls/$1.key" -out "$WORK/tls/$1.csr"
    printf 'subjectAltName = IP:%s\n' "$2" > "$WORK/tls/$1.ext"
    _ssl x509 -req -in "$WORK/tls/$1.csr" -CA "$WORK/tls/ca.pem" -CAkey "$WORK/tls/ca.key" \
        -CAcreateserial -days 2 -extfile "$WORK/tls/$1.ext" -out "$WORK/tls/$1.pem"
}

# nginx before what listens on port 80: start_tls CERTIFICATE, also to put another one in its place.
start_tls() {
    cat > "$WORK/tls.conf" <<TEXT
daemon off;
user root;
worker_processes 1;
pid $WORK/tls.pid;
error_log $WORK/tls.log;
events { }
http {
    access_log off;
    client_body_temp_path $WORK/tls; proxy_temp_path $WORK/tls/p; fastcgi_temp_path $WORK/tls/f;
    uwsgi_temp_path $WORK/tls/u; scgi_temp_path $WORK/tls/s;
    server {
        listen $STO_IP4:$TLS_PORT ssl;
        ssl_certificate $WORK/tls/$1.pem;
        ssl_certificate_key $WORK/tls/$1.key;
        location / {
            proxy_pass http://$STO_IP4:80;
            proxy_set_header Host \$http_host;
            proxy_http_version 1.1;
        }
    }
}
TEXT
    [ -z "${TLS_PID:-}" ] || {
        _stop_pid $TLS_PID QUIT
        _forget $TLS_PID
        rm -f "$WORK/tls.pid"
    }
    start_background tls-start $IN_STO nginx -c "$WORK/tls.conf"
    TLS_PID=$BACKGROUND_PID
    wait_for 10 test -s "$WORK/tls.pid" || fail "nginx did not start with $1"
}
