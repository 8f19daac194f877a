MOVE /nothing HTTP/1.1
Host: a
Content-Length: 78

PUT /hidden-in-body.move-hidden HTTP/1.1
Host: a
Content-Length: 6

hidden