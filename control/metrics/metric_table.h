// Which value of the status becomes which metric: one row each, and nothing is told without one.
//
// A path names values of the JSON that `cordonctl status` and `coverage` show, below /control,
// /dataplane and /coverage. A `*` stands for every element or key, `a|b` for the keys a and b;
// each of them has its labels in the row, in their order, divided by commas:
//
//   service=name      label `service`, from the field `name` of the element
//   about             label `about`: the key, or of an element the field of that name
//   class/reason=class  the text before and after its colon: "uninspected:tls"
//   outcome=name&unit   two labels of one element
//
// Owns:       nothing; a static table.
// Invariants: names begin with cordon_ and never change meaning. A label has one of a bounded set
//             of values: names of the configuration, or of a table of ours. Users, addresses,
//             digests and texts for people are no labels.
#pragma once

#include <cstdint>
#include <span>

namespace cordon {

enum class MetricKind : std::uint8_t {
    counter,    // a number that only grows until a restart
    gauge,      // a number, or a yes or no
    time,       // a point in time, as Unix seconds
    age,        // the same, as seconds that have passed since
    state,      // a word: 1, with the word as the last label
    fault,      // a text, or none: 1 or 0; the text is for people
    number,     // of the elements of a list
    histogram,  // {"classes": [{"up_to_seconds", "messages"}], "sum_seconds", "messages"}
    left_out,   // not exported; `help` says why
};

struct MetricRow {
    const char* path;
    const char* name;  // null where left out
    MetricKind kind;
    const char* labels;
    const char* help;
};

std::span<const MetricRow> metric_table();

// "counter", "gauge" or "histogram".
const char* metric_type(MetricKind kind);

}  // namespace cordon
