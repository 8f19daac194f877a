// `cordon-bench content`: what it costs to tell the type of an object, and to search a text for
// patterns, beside the digest of the same bytes. CPU time of one thread.
#pragma once

#include <cstdint>
#include <vector>

namespace cordon::bench {

struct ContentResult {
    struct Type {
        const char* name;
        double ns_per_object;
    };
    struct Search {
        std::uint32_t patterns;
        double gbyte_per_s;
    };
    std::vector<Type> types;
    std::vector<Search> searches;
    double digest_gbyte_per_s;  // SHA-256 of the same segments
};

ContentResult run_content(std::uint32_t runs);

}  // namespace cordon::bench
