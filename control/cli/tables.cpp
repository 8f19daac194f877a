// `cordonctl help metrics`, `help events` and `help fields`: every metric, every field of the event
// log and every field that --json prints, from the tables that they are made or held by.

#include "control/metrics/metric_table.h"

#include "control/cli/cli.h"
#include "control/cli/json_fields.h"
#include "control/events/event_line.h"

namespace cordon {

namespace {

// "service=name,class/reason=class" → "service, class, reason"
std::string label_names(std::string_view specs) {
    std::string names;
    bool of_field = false;
    for (const char c : specs) {
        if (c == ',' || c == '&' || c == '/') names += ", ";
        of_field = c == '=' || (of_field && c != ',' && c != '&');
        if (!of_field && c != ',' && c != '&' && c != '/') names += c;
    }
    return names;
}

}  // namespace

int print_metrics(Context& context) {
    Table table({{"METRIC"}, {"TYPE"}, {"LABELS"}, {"MEANING", false, true}});
    nlohmann::json list = nlohmann::json::array();
    for (const MetricRow& row : metric_table()) {
        if (row.kind == MetricKind::left_out) continue;
        const std::string labels = label_names(row.labels);
        table.row({row.name, metric_type(row.kind), labels, row.help});
        list.push_back({{"metric", row.name},
                        {"type", metric_type(row.kind)},
                        {"labels", labels},
                        {"help", row.help}});
    }
    if (context.json()) {
        context.print_json({{"metrics", list}});
    } else {
        context.print("What cordond tells at metrics.listen of its configuration:\n\n" +
                      table.text(context.screen));
    }
    return 0;
}

int print_event_fields(Context& context) {
    Table table({{"FIELD"}, {"MEANING", false, true}});
    nlohmann::json list = nlohmann::json::array();
    for (const EventFieldInfo& field : event_fields) {
        table.row({std::string(field.name), std::string(field.help)});
        list.push_back({{"field", field.name}, {"help", field.help}});
    }
    if (context.json()) {
        context.print_json({{"fields", list}});
    } else {
        context.print("What lines of log.events may hold:\n\n" + table.text(context.screen));
    }
    return 0;
}

int print_json_fields(Context& context) {
    nlohmann::json answers = nlohmann::json::array(), fields = nlohmann::json::array();
    for (const JsonAnswer& one : json_answers())
        answers.push_back({{"command", one.command}, {"objects", one.objects}});
    Table table(
        {{"OBJECT"}, {"FIELD"}, {"TYPE"}, {"MEANING", false, true}, {"ABSENT", false, true}});
    for (const std::span<const JsonField> part : {json_fields(), json_state_fields()}) {
        for (const JsonField& row : part) {
            table.row({row.object, row.name, row.type, row.meaning, row.absent});
            fields.push_back({{"object", row.object},
                              {"field", row.name},
                              {"type", row.type},
                              {"help", row.meaning},
                              {"absent", row.absent}});
        }
    }
    if (context.json()) {
        context.print_json({{"answers", answers}, {"fields", fields}});
    } else {
        context.print("What --json prints, by object:\n\n" + table.text(context.screen));
    }
    return 0;
}

}  // namespace cordon
