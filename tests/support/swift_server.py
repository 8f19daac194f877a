#!/usr/bin/python3
"""OpenStack Swift with its S3 API as one process: proxy, account, container and object server.

usage: swift_server.py DIRECTORY ADDRESS PORT [ADDRESS PORT]…

Everything it stores is in DIRECTORY, whose file system needs extended attributes. The account is
`test`, the user `tester` with the key `testing`: S3 access key `test:tester`. Prints `ready` when
it listens, and one line `METHOD PATH STATUS` for each request that it has answered.
"""
import os
import socket
import sys

DIRECTORY = os.path.abspath(sys.argv[1])
CONF = os.path.join(DIRECTORY, "swift.conf")
DEVICES = os.path.join(DIRECTORY, "devices")
os.makedirs(os.path.join(DEVICES, "d1"), exist_ok=True)

with open(CONF, "w", encoding="ascii") as file:
    file.write("[swift-hash]\nswift_hash_path_prefix = test\nswift_hash_path_suffix = test\n"
               "[storage-policy:0]\nname = only\ndefault = yes\n")

# The place of the configuration is a constant there, read when its modules are loaded.
import eventlet  # noqa: E402
eventlet.monkey_patch()
import eventlet.wsgi  # noqa: E402
import swift.common.utils as utils  # noqa: E402
utils.SWIFT_CONF_FILE = CONF
from swift.common import constraints, storage_policy, wsgi  # noqa: E402
from swift.common.ring import RingBuilder  # noqa: E402
from swift.account.server import AccountController  # noqa: E402
from swift.container.server import ContainerController  # noqa: E402
from swift.obj.server import ObjectController  # noqa: E402

INNER = {"account": (AccountController, 6212), "container": (ContainerController, 6211),
         "object": (ObjectController, 6210)}

PROXY = """
[DEFAULT]
swift_dir = {directory}
log_level = ERROR
[pipeline:main]
pipeline = catch_errors gatekeeper proxy-logging listing_formats s3api tempauth bulk slo dlo copy
    proxy-logging proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:proxy-logging]
use = egg:swift#proxy_logging
access_log_level = DEBUG
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:s3api]
use = egg:swift#s3api
s3_acl = no
check_bucket_owner = no
location = us-east-1
min_segment_size = 5242880
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:bulk]
use = egg:swift#bulk
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[filter:copy]
use = egg:swift#copy
"""


class Cache:
    """What swift would keep in a memcached."""

    def __init__(self):
        self.values = {}

    def get(self, key, **_):
        return self.values.get(key)

    def set(self, key, value, **_):
        self.values[key] = value

    def incr(self, key, delta=1, **_):
        self.values[key] = self.values.get(key, 0) + delta
        return self.values[key]

    def delete(self, key, **_):
        self.values.pop(key, None)


def cached(app):
    cache = Cache()

    def with_cache(environ, start_response):
        environ["swift.cache"] = cache
        return app(environ, start_response)
    return with_cache


class Quiet:
    def write(self, text):
        pass

    def flush(self):
        pass


class Requests:
    """eventlet's log of requests: one short line for each."""

    def write(self, text):
        print(text.rstrip(), flush=True)


def serve(app, address, port, log, log_format="-"):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = eventlet.listen((address, port), family=family, reuse_port=False)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # As swift's own runner does: its protocol keeps the case of header names.
    eventlet.spawn(eventlet.wsgi.server, listener, app, log, protocol=wsgi.SwiftHttpProtocol,
                   log_format=log_format, capitalize_response_headers=False)


def main():
    for name, (controller, port) in INNER.items():
        builder = RingBuilder(1, 1, 0)
        builder.add_dev({"region": 1, "zone": 1, "ip": "127.0.0.1", "port": port, "device": "d1",
                         "weight": 1})
        builder.rebalance()
        builder.get_ring().save(os.path.join(DIRECTORY, f"{name}.ring.gz"))
    utils.HASH_PATH_PREFIX = utils.HASH_PATH_SUFFIX = b""
    utils.validate_configuration()
    storage_policy.reload_storage_policies()
    constraints.reload_constraints()
    settings = {"devices": DEVICES, "mount_check": "false", "swift_dir": DIRECTORY}
    for controller, port in INNER.values():
        serve(controller(settings), "127.0.0.1", port, Quiet())
    conf = os.path.join(DIRECTORY, "proxy-server.conf")
    with open(conf, "w", encoding="ascii") as out:
        out.write(PROXY.format(directory=DIRECTORY))
    app = cached(wsgi.loadapp(conf))
    places = sys.argv[2:]
    for address, port in zip(places[::2], places[1::2]):
        serve(app, address, int(port), Requests(), "%(request_line)s %(status_code)s")
    print("ready", flush=True)
    eventlet.event.Event().wait()


main()
