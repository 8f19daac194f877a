#include "control/metrics/exposition.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <sstream>

#include "control/cli/text.h"
#include "control/metrics/metric_table.h"

namespace cordon {

namespace {

using nlohmann::json;
using prometheus::ClientMetric;
using prometheus::MetricFamily;
using Labels = std::vector<ClientMetric::Label>;

std::vector<std::string_view> split(std::string_view text, char at) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(at), text.size());
        parts.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

// A row with its path and labels taken apart.
struct Rule {
    explicit Rule(const MetricRow& of)
        : row(of),
          path(split(std::string_view(of.path).substr(1), '/')),
          labels(split(of.labels, ',')) {}

    const MetricRow& row;
    std::vector<std::string_view> path;
    std::vector<std::string_view> labels;
};

bool is_choice(std::string_view segment) {
    return segment == "*" || segment.find('|') != std::string_view::npos;
}

bool fits(std::string_view segment, std::string_view key) {
    if (segment == "*" || segment == key) return true;
    const auto choices = split(segment, '|');
    return std::find(choices.begin(), choices.end(), key) != choices.end();
}

void add_label(std::string_view name, std::string_view value, Labels* labels) {
    const std::size_t slash = name.find('/');
    if (slash == std::string_view::npos) {
        labels->push_back({std::string(name), printable(value)});
        return;
    }
    const std::size_t colon = std::min(value.find(':'), value.size());
    const std::string_view rest = value.substr(std::min(colon + 1, value.size()));
    labels->push_back({std::string(name.substr(0, slash)), printable(value.substr(0, colon))});
    labels->push_back({std::string(name.substr(slash + 1)), printable(rest)});
}

// The labels of one step down: of the key, or of fields of the element.
void add_labels(std::string_view spec, std::string_view key, const json& element, bool of_list,
                Labels* labels) {
    for (const std::string_view one : split(spec, '&')) {
        const std::size_t equals = std::min(one.find('='), one.size());
        const std::string_view name = one.substr(0, equals);
        const std::string field(equals < one.size() ? one.substr(equals + 1) : name);
        if (!of_list) {
            add_label(name, key, labels);
        } else if (element.is_object() && element.contains(field) &&
                   element.at(field).is_string()) {
            add_label(name, element.at(field).get_ref<const std::string&>(), labels);
        }
    }
}

class Collector {
  public:
    Collector(const Rule& rule, std::uint64_t now_s, MetricFamily* family)
        : rule_(rule), now_s_(now_s), family_(family) {}

    void descend(const json& node, std::size_t step, std::size_t label, const Labels& labels) {
        if (step == rule_.path.size()) return take(node, labels);
        const std::string_view segment = rule_.path[step];
        if (!is_choice(segment)) return descend_to(node, segment, step, label, labels);
        std::size_t n = 0;
        for (const auto& item : node.items()) {
            const bool of_list = node.is_array();
            if (!node.is_structured() || n++ >= elements_max) return;
            if (!fits(segment, item.key())) continue;
            Labels with = labels;
            if (label < rule_.labels.size())
                add_labels(rule_.labels[label], item.key(), item.value(), of_list, &with);
            descend(item.value(), step + 1, label + 1, with);
        }
    }

  private:
    // More than any table of the contract has.
    static constexpr std::size_t elements_max = 1024;

    void descend_to(const json& node, std::string_view key, std::size_t step, std::size_t label,
                    const Labels& labels) {
        const std::string name(key);
        const bool there = node.is_object() && node.contains(name);
        if (there) return descend(node.at(name), step + 1, label, labels);
        // A fault that is not told of is none.
        const bool last = step + 1 == rule_.path.size();
        if (node.is_object() && last && rule_.row.kind == MetricKind::fault) add(0, labels);
    }

    void take(const json& value, const Labels& labels) {
        switch (rule_.row.kind) {
            case MetricKind::counter:
            case MetricKind::gauge:
                if (value.is_number()) add(value.get<double>(), labels);
                if (value.is_boolean()) add(value.get<bool>() ? 1 : 0, labels);
                return;
            case MetricKind::time:
            case MetricKind::age:
                return take_time(value, labels);
            case MetricKind::state:
                return take_state(value, labels);
            case MetricKind::fault:
                return add(value.is_string() && value != "" ? 1 : 0, labels);
            case MetricKind::number:
                if (value.is_array()) add(static_cast<double>(value.size()), labels);
                return;
            case MetricKind::histogram:
                return take_histogram(value, labels);
            case MetricKind::left_out:
                return;
        }
    }

    void take_histogram(const json& value, const Labels& labels) {
        if (!value.is_object() || !value.contains("classes")) return;
        if (!seen_.insert(labels).second) return;
        ClientMetric metric;
        metric.label = labels;
        std::uint64_t so_far = 0;
        for (const json& one : value.at("classes")) {
            const json& end = one.at("up_to_seconds");
            so_far += one.at("messages").get<std::uint64_t>();
            metric.histogram.bucket.push_back(
                {so_far, end.is_number() ? end.get<double>() : HUGE_VAL});
        }
        metric.histogram.sample_count = so_far;
        metric.histogram.sample_sum = value.at("sum_seconds").get<double>();
        family_->metric.push_back(std::move(metric));
    }

    void take_time(const json& value, const Labels& labels) {
        const std::uint64_t then = value.is_string() ? seconds_of(value.get<std::string>()) : 0;
        if (then == 0) return;
        const bool age = rule_.row.kind == MetricKind::age;
        add(static_cast<double>(age ? now_s_ - std::min(now_s_, then) : then), labels);
    }

    void take_state(const json& value, Labels labels) {
        if (!value.is_string()) return;
        add_label(rule_.labels.back(), value.get_ref<const std::string&>(), &labels);
        add(1, labels);
    }

    void add(double value, const Labels& labels) {
        if (!seen_.insert(labels).second) return;
        ClientMetric metric;
        metric.label = labels;
        metric.counter.value = value;
        metric.gauge.value = value;
        family_->metric.push_back(std::move(metric));
    }

    const Rule& rule_;
    std::uint64_t now_s_;
    MetricFamily* family_;
    std::set<Labels> seen_;
};

// --- what no row names ---------------------------------------------------------------------------

bool takes(MetricKind kind, const json& value) {
    switch (kind) {
        case MetricKind::counter:
        case MetricKind::gauge:
            return value.is_number() || value.is_boolean();
        case MetricKind::time:
        case MetricKind::age:
        case MetricKind::state:
        case MetricKind::fault:
            return value.is_string();
        case MetricKind::number:
        case MetricKind::histogram:
        case MetricKind::left_out:
            return true;
    }
    return false;
}

// Rows about a whole part of the status name all that is in it.
bool names(const Rule& rule, const std::vector<std::string>& path, const json& value) {
    const MetricKind kind = rule.row.kind;
    const bool whole =
        kind == MetricKind::left_out || kind == MetricKind::number || kind == MetricKind::histogram;
    if (rule.path.size() < path.size() && !whole) return false;
    for (std::size_t i = 0; i < std::min(path.size(), rule.path.size()); ++i)
        if (!fits(rule.path[i], path[i])) return false;
    const bool above = rule.path.size() > path.size();
    return value.is_null() || (above ? value.empty() : takes(rule.row.kind, value));
}

void find_unnamed(const std::vector<Rule>& rules, const json& node, std::vector<std::string>* path,
                  std::vector<std::string>* found) {
    if (node.is_structured() && !node.empty()) {
        for (const auto& item : node.items()) {
            path->push_back(item.key());
            find_unnamed(rules, item.value(), path, found);
            path->pop_back();
        }
        return;
    }
    const auto named = [&](const Rule& rule) { return names(rule, *path, node); };
    if (std::any_of(rules.begin(), rules.end(), named)) return;
    std::string line;
    for (const std::string& segment : *path)
        line += "/" + segment;
    found->push_back(line);
}

prometheus::MetricType type_of(MetricKind kind) {
    if (kind == MetricKind::histogram) return prometheus::MetricType::Histogram;
    return kind == MetricKind::counter ? prometheus::MetricType::Counter
                                       : prometheus::MetricType::Gauge;
}

std::vector<Rule> all_rules() {
    return {metric_table().begin(), metric_table().end()};
}

// OpenMetrics names a counter without the _total of its samples.
void shorten_head(const std::string& name, std::string* text) {
    constexpr std::string_view total = "_total";
    const std::string shorter = name.substr(0, name.size() - total.size());
    for (const char* word : {"# HELP ", "# TYPE "}) {
        const std::size_t at = text->find(word + name + " ");
        if (at == std::string::npos) continue;
        text->replace(at + std::string_view(word).size(), name.size(), shorter);
    }
}

}  // namespace

MetricFamilies metric_families(const json& status, std::uint64_t now_s) {
    MetricFamilies families;
    for (const Rule& rule : all_rules()) {
        if (rule.row.kind == MetricKind::left_out) continue;
        MetricFamily family;
        family.name = rule.row.name;
        family.help = rule.row.help;
        family.type = type_of(rule.row.kind);
        Collector(rule, now_s, &family).descend(status, 0, 0, {});
        if (!family.metric.empty()) families.push_back(std::move(family));
    }
    return families;
}

std::string metrics_text(const MetricFamilies& families, MetricsFormat format) {
    const prometheus::TextSerializer serializer;
    std::ostringstream out;
    if (format == MetricsFormat::text) {
        serializer.Serialize(out, families);
        return out.str();
    }
    std::string text;
    for (const MetricFamily& family : families) {
        std::string part = serializer.Serialize({family});
        if (family.type == prometheus::MetricType::Counter) shorten_head(family.name, &part);
        text += part;
    }
    return text + "# EOF\n";
}

const char* content_type_of(MetricsFormat format) {
    return format == MetricsFormat::text
               ? "text/plain; version=0.0.4; charset=utf-8"
               : "application/openmetrics-text; version=1.0.0; charset=utf-8";
}

std::vector<std::string> unnamed_values(const json& status) {
    std::vector<std::string> found;
    std::vector<std::string> path;
    find_unnamed(all_rules(), status, &path, &found);
    return found;
}

}  // namespace cordon
