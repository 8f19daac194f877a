PUT /extension.cr HTTP/1.1
Host: a
Transfer-Encoding: chunked

5;ab
hello
0

PUT /extension.cr-hidden HTTP/1.1
Host: a
Content-Length: 6

hidden