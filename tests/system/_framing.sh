# Real servers for the framing tests: nginx, Apache and HAProxy, each in front of a recorder of what
# they take for requests. `. "$(dirname "$0")/_framing.sh"` behind _init.sh or _cordon.sh.
#
#   $WORK/record   what the servers took; see tests/framing/recorder.py
#   LENIENT=1      the servers take what else they can be told to take

FIRST_PORT=5000
NGINX_PORT=81 APACHE_PORT=82 HAPROXY_PORT=83 RECORDER_PORT=8000
TOOL=$(readlink -f "$BIN/..")/tests/framing/framing-tool

start_recorder() {
    start_background recorder $IN_STO python3 "$ROOT/tests/framing/recorder.py" 127.0.0.1 \
        $RECORDER_PORT "$WORK/record"
    wait_for 5 grep -q ready "$WORK/recorder.log" || fail "the recorder did not start"
}

start_proxy_nginx() {
    mkdir -p "$WORK/n"
    cat > "$WORK/proxy-nginx.conf" <<TEXT
daemon off;
user root;
worker_processes 1;
pid $WORK/proxy-nginx.pid;
error_log $WORK/proxy-nginx.log;
events { worker_connections 1024; }
http {
    access_log off;
    client_max_body_size 0;
    client_body_temp_path $WORK/n/b; proxy_temp_path $WORK/n/p; fastcgi_temp_path $WORK/n/f;
    uwsgi_temp_path $WORK/n/u; scgi_temp_path $WORK/n/s;
    large_client_header_buffers 4 32k;
    ${LENIENT:+ignore_invalid_headers off; underscores_in_headers on;}
    server {
        listen $NGINX_PORT;
        location / {
            proxy_pass http://127.0.0.1:$RECORDER_PORT;
            proxy_set_header X-Server nginx;
            proxy_set_header X-Port \$remote_port;
            proxy_set_header X-Target \$request_uri;
            proxy_ignore_client_abort on;
            proxy_next_upstream off;
        }
    }
}
TEXT
    start_background proxy-nginx $IN_STO nginx -c "$WORK/proxy-nginx.conf"
    wait_for 10 test -s "$WORK/proxy-nginx.pid" || fail "nginx did not start"
}

start_proxy_apache() {
    local modules=/usr/lib/apache2/modules
    cat > "$WORK/proxy-apache.conf" <<TEXT
LoadModule mpm_event_module $modules/mod_mpm_event.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule proxy_module $modules/mod_proxy.so
LoadModule proxy_http_module $modules/mod_proxy_http.so
LoadModule headers_module $modules/mod_headers.so
LoadModule http2_module $modules/mod_http2.so
Protocols h2c http/1.1
${LENIENT:+HttpProtocolOptions Unsafe LenientMethods Allow0.9}
ServerName storage.example
ServerRoot $WORK
PidFile $WORK/proxy-apache.pid
ErrorLog $WORK/proxy-apache.log
Listen 0.0.0.0:$APACHE_PORT
AllowEncodedSlashes NoDecode
LimitRequestFieldSize 32000
LimitRequestLine 32000
LimitRequestFields 1000
ProxyPass / http://127.0.0.1:$RECORDER_PORT/ disablereuse=on retry=0 nocanon
RequestHeader set X-Server apache
RequestHeader set X-Port "expr=%{REMOTE_PORT}"
TEXT
    start_background proxy-apache-start $IN_STO apache2 -f "$WORK/proxy-apache.conf" -DFOREGROUND
    wait_for 10 test -s "$WORK/proxy-apache.pid" || fail "apache did not start"
}

start_haproxy() {
    cat > "$WORK/haproxy.cfg" <<TEXT
global
    nbthread 1
    maxconn 1000
    tune.bufsize 65536
    pidfile $WORK/haproxy.pid
defaults
    mode http
    retries 0
    timeout connect 5s
    timeout client 10s
    timeout server 10s
    timeout http-request 10s
    option http-server-close
frontend storage
    bind :$HAPROXY_PORT
    ${LENIENT:+option accept-invalid-http-request}
    http-request set-header X-Server haproxy
    http-request set-header X-Port %[src_port]
    default_backend recorder
backend recorder
    server recorder 127.0.0.1:$RECORDER_PORT
TEXT
    start_background haproxy $IN_STO haproxy -db -f "$WORK/haproxy.cfg"
    wait_for 10 in_sto python3 -c \
        "import socket; socket.create_connection(('127.0.0.1', $HAPROXY_PORT), 1)" ||
        fail "haproxy did not start"
}

# --- storages: the same servers with WebDAV, $WORK/stored/NAME each ------------------------------

start_dav_nginx() {
    cat > "$WORK/dav-nginx.conf" <<TEXT
daemon off;
user root;
worker_processes 1;
pid $WORK/dav-nginx.pid;
error_log $WORK/dav-nginx.log;
events { worker_connections 1024; }
http {
    access_log off;
    client_max_body_size 0;
    client_body_temp_path $WORK/tmp; proxy_temp_path $WORK/tmp/p; fastcgi_temp_path $WORK/tmp/f;
    uwsgi_temp_path $WORK/tmp/u; scgi_temp_path $WORK/tmp/s;
    dav_methods PUT DELETE MKCOL COPY MOVE;
    create_full_put_path on;
    server { listen $NGINX_PORT; root $WORK/stored/nginx; location /forbidden/ { deny all; } }
    server { listen $RECORDER_PORT; root $WORK/stored/haproxy; location /forbidden/ { deny all; } }
}
TEXT
    start_background dav-nginx $IN_STO nginx -c "$WORK/dav-nginx.conf"
    wait_for 10 test -s "$WORK/dav-nginx.pid" || fail "nginx did not start"
}

start_dav_apache() {
    local modules=/usr/lib/apache2/modules
    mkdir -p "$WORK/stored/apache/forbidden" "$WORK/locks"
    chmod 777 "$WORK/stored/apache" "$WORK/locks"
    cat > "$WORK/dav-apache.conf" <<TEXT
LoadModule mpm_event_module $modules/mod_mpm_event.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule dav_module $modules/mod_dav.so
LoadModule dav_fs_module $modules/mod_dav_fs.so
ServerName storage.example
ServerRoot $WORK
PidFile $WORK/dav-apache.pid
ErrorLog $WORK/dav-apache.log
Listen 0.0.0.0:$APACHE_PORT
DocumentRoot $WORK/stored/apache
DavLockDB $WORK/locks/dav
<Directory $WORK/stored/apache>
    Dav On
    Require all granted
</Directory>
<Directory $WORK/stored/apache/forbidden>
    Require all denied
</Directory>
TEXT
    start_background dav-apache-start $IN_STO apache2 -f "$WORK/dav-apache.conf" -DFOREGROUND
    wait_for 10 test -s "$WORK/dav-apache.pid" || fail "apache did not start"
}

empty_storages() {
    local name
    for name in nginx apache haproxy; do
        rm -rf "$WORK/stored/$name/"*
        mkdir -p "$WORK/stored/$name/forbidden"
        printf 'a file that is there\n' > "$WORK/stored/$name/static.txt"
    done
    chmod 777 "$WORK/stored/apache"
}

start_framing_storages() {
    need nginx apache2 haproxy python3 "$TOOL"
    start_dav_nginx
    start_dav_apache
    start_haproxy
}

# framing_up   — the appliance in front of all three; call it instead of cordon_up.
framing_up() {
    KNOWN_SIZE=2000
    eval "base_$(declare -f write_config)"
    write_config() {
        base_write_config
        local port
        for port in $NGINX_PORT $APACHE_PORT $HAPROXY_PORT; do
            printf '[[service]]\nname = "storage-%s"\naddress = "%s"\nport = %s\n' \
                "$port" "$STO_IP4" "$port" >> "$CONFIG"
        done
    }
    cordon_up nginx
}

start_framing_servers() {
    need nginx apache2 haproxy python3 "$TOOL"
    start_recorder
    start_proxy_nginx
    start_proxy_apache
    start_haproxy
}

# framing_cases FILE [SEED COUNT]   — cases with the bytes of FILE as what must not pass unseen.
framing_cases() {
    (cd "$ROOT" && "$TOOL" "$@") > "$WORK/cases" || fail "framing-tool $*"
}

# differ MODE [option…]   — from the client, or for `direct` and `opinions` beside the servers.
# PAUSE=1: with a pause behind the first head.
differ() {
    local mode=$1 from=$IN_CLI address=$STO_IP4 log=$WORK/record
    shift
    case $mode in direct | opinions) from=$IN_STO address=127.0.0.1 ;; esac
    if [ $mode = stored ]; then
        log=$WORK/stored
        if [ $# = 0 ]; then from=$IN_STO address=127.0.0.1; fi
        empty_storages
    else
        : > "$WORK/record"
    fi
    FIRST_PORT=$((FIRST_PORT + 5000))
    $from python3 "$ROOT/tests/framing/differ.py" ${PAUSE:+--pause} $mode $FIRST_PORT \
        "$log" "$WORK/cases" \
        "nginx=$address:$NGINX_PORT" "apache=$address:$APACHE_PORT" \
        "haproxy=$address:$HAPROXY_PORT" "$@"
}
