PUT /first-field.cr HTTP/1.1
Host: a
Content-Length: 5

hello