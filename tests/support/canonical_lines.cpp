// Every JSON value a line of stdin, in our canonical form, each with a NUL behind it.
#include <iostream>
#include <string>

#include "control/feed/canonical_json.h"

int main() {
    std::string line;
    while (std::getline(std::cin, line)) {
        const auto value = cordon::feed::parse_json(cordon::as_bytes(line));
        if (!value) return 1;
        std::cout << cordon::feed::canonical_json(*value) << '\0';
    }
    return 0;
}
