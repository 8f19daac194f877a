// CMocka for C++: its header has no extern "C" of its own. A failed assert leaves by longjmp past
// destructors, so tests keep resources in setup and teardown, or in objects that need no
// destructor.
#pragma once

#include <csetjmp>
#include <cstdarg>
#include <cstddef>
#include <cstdint>

extern "C" {
#include <cmocka.h>
}
