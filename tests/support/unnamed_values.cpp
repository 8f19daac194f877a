// Values of `cordonctl status --json` and `coverage --json`, one document a line of stdin as
// {"control": …, "dataplane": …, "coverage": …}, that are no metric and are not left out by name:
// one path a line, exit 1 when there are any.
#include <iostream>
#include <string>

#include "control/metrics/exposition.h"

int main() {
    bool complete = true;
    std::string line;
    while (std::getline(std::cin, line)) {
        for (const std::string& path : cordon::unnamed_values(nlohmann::json::parse(line))) {
            std::cout << path << '\n';
            complete = false;
        }
    }
    return complete ? 0 : 1;
}
