#include "control/cli/top_view.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "dataplane/contract/counters.h"

namespace cordon {

namespace {

using nlohmann::json;

std::uint64_t number(const json& value) {
    return value.get<std::uint64_t>();
}

// What was counted between two samples.
std::uint64_t grown(std::uint64_t before, std::uint64_t now) {
    return now >= before ? now - before : now;
}

const json* find(const json& list, const char* key, const std::string& name) {
    if (!list.is_array()) return nullptr;
    const auto found = std::find_if(list.begin(), list.end(),
                                    [&](const json& one) { return one.at(key) == name; });
    return found == list.end() ? nullptr : &*found;
}

const json& counted(const TopSample& sample) {
    static const json none = json::array();
    return sample.coverage.is_object() ? sample.coverage.at("service_objects") : none;
}

double seconds_between(const TopSample& before, const TopSample& now) {
    const double seconds = static_cast<double>(now.now_ns - before.now_ns) / 1e9;
    return seconds > 0 ? seconds : 1;
}

// Of this place of both samples; zero where the earlier one has none.
template <typename... Keys>
std::uint64_t grown_of(const json* before, const json& now, const Keys&... keys) {
    const auto at = [&](const json& from) {
        const json* place = &from;
        ((place = &place->at(keys)), ...);
        return number(*place);
    };
    return grown(before == nullptr ? 0 : at(*before), at(now));
}

bool is_seen(const std::string& object_class) {
    return object_class == "inspected" || object_class.starts_with("dismissed");
}

void take_objects(const json* before, const json& now, double seconds, TopService* service) {
    std::uint64_t bytes = 0, seen = 0, objects = 0;
    for (std::size_t i = 0; i < now.at("objects").size(); ++i) {
        const std::uint64_t n = grown_of(before, now, "objects", i, "bytes");
        bytes += n;
        if (is_seen(now.at("objects").at(i).at("class").get<std::string>())) seen += n;
        objects += grown_of(before, now, "objects", i, "objects");
    }
    service->objects_per_s = static_cast<double>(objects) / seconds;
    service->bytes_per_s = static_cast<double>(bytes) / seconds;
    if (bytes != 0) service->inspected = static_cast<double>(seen) / static_cast<double>(bytes);
}

void sort_by(TopOrder order, std::vector<TopService>* services) {
    const auto first = [order](const TopService& a, const TopService& b) {
        constexpr auto blocked = static_cast<std::size_t>(ServiceVerdict::blocked);
        switch (order) {
            case TopOrder::name:
                break;
            case TopOrder::objects:
                return a.objects_per_s > b.objects_per_s;
            case TopOrder::bytes:
                return a.bytes_per_s > b.bytes_per_s;
            case TopOrder::blocked:
                return a.verdicts[blocked] > b.verdicts[blocked];
        }
        return a.name < b.name;
    };
    std::stable_sort(services->begin(), services->end(), first);
}

std::string fixed(double value, int digits) {
    char text[48];
    std::snprintf(text, sizeof text, "%.*f", digits, value);
    return text;
}

std::string rate(double per_s) {
    return fixed(per_s, per_s < 100 ? 1 : 0);
}

std::string span(double seconds) {
    if (seconds < 0) return "-";
    if (std::isinf(seconds)) return "> 10 s";
    if (seconds < 1e-3) return fixed(seconds * 1e6, 0) + " µs";
    if (seconds < 1) return fixed(seconds * 1e3, 0) + " ms";
    return fixed(seconds, 0) + " s";
}

std::string part(double of) {
    if (of < 0) return "-";
    // Never rounded up to all of it.
    return of >= 1 ? "100 %" : fixed(std::floor(of * 1000) / 10, 1) + " %";
}

std::string bits(double bytes_per_s) {
    return fixed(bytes_per_s * 8 / 1e6, 1) + " Mbit/s";
}

std::string port_rate(const TopSample& before, const TopSample& now, const char* side) {
    const json* earlier = before.coverage.is_object() ? &before.coverage : nullptr;
    const auto bytes = grown_of(earlier, now.coverage, "ports", side, "received", "bytes");
    return bits(static_cast<double>(bytes) / seconds_between(before, now));
}

double dropped_rate(const TopSample& before, const TopSample& now) {
    const json* class_now = find(now.coverage.at("frames"), "class", "dropped");
    if (class_now == nullptr) return 0;
    const json* class_before = before.coverage.is_object()
                                   ? find(before.coverage.at("frames"), "class", "dropped")
                                   : nullptr;
    return static_cast<double>(grown_of(class_before, *class_now, "packets")) /
           seconds_between(before, now);
}

std::string index_text(const json& dataplane) {
    const json& index = dataplane.at("index");
    if (number(index.at("generation")) == 0) return "no list in force";
    return grouped(number(index.at("indicators"))) + " indicators" +
           (index.at("lab").get<bool>() ? " (LAB)" : "");
}

}  // namespace

double latency_of(const json& before, const json& now, double share) {
    std::vector<std::uint64_t> grew;
    std::uint64_t all = 0;
    const json* earlier = before.is_object() ? &before : nullptr;
    for (std::size_t i = 0; i < now.at("classes").size(); ++i) {
        grew.push_back(grown_of(earlier, now, "classes", i, "messages"));
        all += grew.back();
    }
    if (all == 0) return -1;
    std::uint64_t so_far = 0;
    for (std::size_t i = 0; i < grew.size(); ++i) {
        so_far += grew[i];
        if (static_cast<double>(so_far) < share * static_cast<double>(all)) continue;
        const json& end = now.at("classes").at(i).at("up_to_seconds");
        return end.is_number() ? end.get<double>() : HUGE_VAL;
    }
    return HUGE_VAL;
}

std::vector<TopService> top_services(const TopSample& before, const TopSample& now,
                                     const TopSettings& settings) {
    std::vector<TopService> services;
    for (const json& counts : counted(now)) {
        const std::string name = counts.at("service").get<std::string>();
        const json* earlier = find(counted(before), "service", name);
        TopService service;
        service.name = printable(name);
        const json& dataplane = now.status.at("dataplane");
        if (const json* told = dataplane.contains("services")
                                   ? find(dataplane.at("services"), "name", name)
                                   : nullptr)
            service.mode = told->at("mode").get<std::string>();
        take_objects(earlier, counts, seconds_between(before, now), &service);
        for (std::size_t v = 0; v < service_verdict_count; ++v) {
            service.verdicts[v] = grown_of(settings.totals ? nullptr : earlier, counts, "verdicts",
                                           std::string(service_verdict_names[v]), "objects");
        }
        const json was = earlier == nullptr ? json() : earlier->at("latency");
        service.median_s = latency_of(was, counts.at("latency"), 0.5);
        service.slowest_s = latency_of(was, counts.at("latency"), 0.99);
        services.push_back(std::move(service));
    }
    sort_by(settings.order, &services);
    return services;
}

std::vector<std::string> top_head(const TopSample& before, const TopSample& now) {
    if (!now.problem.empty()) return {"cordon: " + now.problem};
    const json& dataplane = now.status.at("dataplane");
    std::vector<std::string> lines;
    std::string first = "cordon " + printable(dataplane.at("version").get<std::string>());
    if (now.status.at("lab").get<bool>()) first += "  LAB";
    if (!now.status.at("control").at("reachable").get<bool>()) first += "  cordond is away";
    const std::size_t problems = now.status.at("problems").size();
    first += problems == 0 ? "  all is well"
                           : "  " + grouped(problems) + (problems == 1 ? " problem" : " problems") +
                                 ": see cordonctl status";
    lines.push_back(first);
    lines.push_back("flows " + grouped(number(dataplane.at("flows"))) + " of " +
                    grouped(number(dataplane.at("flows_max"))) + "   kept " +
                    byte_size(number(dataplane.at("kept_bytes"))) + "   " + index_text(dataplane));
    lines.push_back("from clients " + port_rate(before, now, "client") + "   from storage " +
                    port_rate(before, now, "storage") + "   dropped " +
                    rate(dropped_rate(before, now)) + "/s");
    return lines;
}

Table top_table(const std::vector<TopService>& services) {
    Table table({{"SERVICE", false, true},
                 {"MODE"},
                 {"OBJ/S", true},
                 {"MBIT/S", true},
                 {"CLEAN", true},
                 {"DISMISSED", true},
                 {"BLOCKED", true},
                 {"REPORTED", true},
                 {"OBSERVED", true},
                 {"UNINSP", true},
                 {"SEEN", true},
                 {"MEDIAN", true},
                 {"99 %", true}});
    for (const TopService& s : services) {
        std::vector<std::string> row = {s.name, s.mode, rate(s.objects_per_s),
                                        rate(s.bytes_per_s * 8 / 1e6)};
        for (const std::uint64_t verdict : s.verdicts)
            row.push_back(grouped(verdict));
        row.insert(row.end(), {part(s.inspected), span(s.median_s), span(s.slowest_s)});
        table.row(std::move(row));
    }
    return table;
}

json top_json(const TopSample& before, const TopSample& now) {
    const auto or_null = [](double value) {
        return value < 0 || std::isinf(value) ? json(nullptr) : json(value);
    };
    json services = json::array();
    for (const TopService& s : top_services(before, now, {})) {
        json verdicts = json::object();
        for (std::size_t v = 0; v < service_verdict_count; ++v)
            verdicts[std::string(service_verdict_names[v])] = s.verdicts[v];
        services.push_back({{"service", s.name},
                            {"mode", s.mode},
                            {"objects_per_second", s.objects_per_s},
                            {"bytes_per_second", s.bytes_per_s},
                            {"verdicts", verdicts},
                            {"seen_ratio", or_null(s.inspected)},
                            {"median_seconds", or_null(s.median_s)},
                            {"p99_seconds", or_null(s.slowest_s)}});
    }
    return {{"seconds", seconds_between(before, now)},
            {"problem", now.problem.empty() ? json(nullptr) : json(now.problem)},
            {"services", services}};
}

}  // namespace cordon
