// The status as metrics: what metric_table.h names of the JSON, as text that Prometheus and its
// like read.
//
// Owns:       nothing.
// Invariants: every family has its help and type; no two samples of one have the same labels, and
//             label values are UTF-8 without control characters, so that one odd name cannot spoil
//             the whole answer. What the status lacks has no sample.
// Limits:     those of the status: services, lists, feeds and the tables of the contract.
#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace cordon {

enum class MetricsFormat : std::uint8_t { text, openmetrics };

using MetricFamilies = std::vector<prometheus::MetricFamily>;

// `status`: {"control": …, "dataplane": …, "coverage": …, "restart_needed": …}, as cordond answers;
// without "coverage" while the dataplane does not answer.
MetricFamilies metric_families(const nlohmann::json& status, std::uint64_t now_s);

std::string metrics_text(const MetricFamilies& families, MetricsFormat format);
const char* content_type_of(MetricsFormat format);

// Paths of the status that no row names, or none that fits their type: a test fails on any.
std::vector<std::string> unnamed_values(const nlohmann::json& status);

}  // namespace cordon
