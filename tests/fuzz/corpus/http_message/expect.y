PUT /expect.y HTTP/1.1
Host: a
Expect: y 100-continue
Content-Length: 5

helloPUT /expect.y-hidden HTTP/1.1
Host: a
Content-Length: 6

hidden