// The corpus of HTTP framing cases, tests/framing/corpus.txt: bytes that a client might send to
// make the storage see other requests than we do, and what we make of them. One text file serves
// the unit tests, the tests against real servers and the seeds of the fuzz targets.
//
//   [name]                      begins a case, or a family of cases that differ in {v}
//   family  CL.TE               what the field calls it
//   want    PUT "hello"; http_bare_lf
//           the whole messages, in order: a method and its body when it has one; then how it ends:
//           nothing (between two messages), `unfinished`, `not_http`, `tls`, or a refusal by the
//           name of its counter
//   why     the reason, with the section of the RFC
//   answered                    what is done depends on the storage's answer
//   > PUT /{id} HTTP/1.1\r\n    bytes: \r \n \t \0 \\ \xHH, nothing between two such lines
//   >*300 A: b\r\n              the same, 300 times
//   each label | text [| want]  a variant: {v} is text; its own outcome, if it differs
//
// {id} is the name of the case, {payload} the bytes that must not pass unseen, {hidden} a whole
// PUT of them; {hidden.n} is the length of that in decimal, {hidden.x+5} five more than it in
// hexadecimal.
//
// Owns:       nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cordon::test {

struct FramedMessage {
    std::string method;
    std::string target;  // of what we parsed; the corpus does not say
    std::string body;
};

struct FramingCase {
    std::string name;
    std::string family;
    std::string why;
    std::string bytes;
    std::vector<FramedMessage> messages;
    std::string end;  // empty, unfinished, not_http, tls, or the outcome
    bool answered = false;
};

// Aborts with the line number when the file is not as above.
std::vector<FramingCase> read_corpus(const std::string& path, std::string_view payload);

}  // namespace cordon::test
