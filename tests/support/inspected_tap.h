// What the http room was given to read: the linker puts __wrap_ in the place of the parser's feed()
// and feed_inner() (-Wl,--wrap, `tapped` in tests/include.mk): production has no trace of it.
//
// Owns:       the bytes of all parsers since the last clear: of one connection, in a test of one.
// Limits:     included by the one source file of a test or fuzz target.
#pragma once

#include <string>

#include "dataplane/http/message.h"

namespace cordon::test {

inline std::string inspected;

}  // namespace cordon::test

extern "C" {
// The name by which the linker knows RequestParser::feed(Bytes): `this` is its first argument.
void __real__ZN6cordon13RequestParser4feedESt4spanIKhLm18446744073709551615EE(
    cordon::RequestParser* parser, cordon::Bytes bytes);
void __wrap__ZN6cordon13RequestParser4feedESt4spanIKhLm18446744073709551615EE(
    cordon::RequestParser* parser, cordon::Bytes bytes) {
    cordon::test::inspected += cordon::as_text(bytes);
    __real__ZN6cordon13RequestParser4feedESt4spanIKhLm18446744073709551615EE(parser, bytes);
}
// And RequestParser::feed_inner(Bytes), which takes them only when it says so.
bool __real__ZN6cordon13RequestParser10feed_innerESt4spanIKhLm18446744073709551615EE(
    cordon::RequestParser* parser, cordon::Bytes bytes);
bool __wrap__ZN6cordon13RequestParser10feed_innerESt4spanIKhLm18446744073709551615EE(
    cordon::RequestParser* parser, cordon::Bytes bytes) {
    const bool taken =
        __real__ZN6cordon13RequestParser10feed_innerESt4spanIKhLm18446744073709551615EE(parser,
                                                                                        bytes);
    if (taken) cordon::test::inspected += cordon::as_text(bytes);
    return taken;
}
}
