PUT /size.g HTTP/1.1
Host: a
Transfer-Encoding: chunked

5g
hello
0

PUT /size.g-hidden HTTP/1.1
Host: a
Content-Length: 6

hidden