PUT /chunk-end.cr HTTP/1.1
Host: a
Transfer-Encoding: chunked

5
hello0

PUT /chunk-end.cr-hidden HTTP/1.1
Host: a
Content-Length: 6

hidden