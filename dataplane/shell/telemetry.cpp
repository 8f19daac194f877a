#include "dataplane/shell/telemetry.h"

#include <rte_telemetry.h>

#include <cerrno>
#include <cstring>
#include <mutex>
#include <string>
#include <string_view>

namespace cordon {
namespace {

static_assert(outcome_count <= RTE_TEL_MAX_DICT_ENTRIES);

// Each who asks has a thread of DPDK's.
struct Told {
    std::mutex mutex;
    LinkTarget* target = nullptr;
    const std::vector<std::unique_ptr<WorkerLoop>>* workers = nullptr;
};

Told& told() {
    static Told instance;
    return instance;
}

// One answer at a time is put together, and none of an appliance that is being taken apart.
template <int (*tell)(const char* name, rte_tel_data* answer)>
int answer_with(const char*, const char* parameters, rte_tel_data* answer) {
    const std::lock_guard lock(told().mutex);
    return told().target == nullptr ? -ESHUTDOWN : tell(parameters, answer);
}

const LinkCounters& counters() {
    static LinkCounters answer;
    told().target->counters(&answer);
    return answer;
}

const LinkStatus& status() {
    static LinkStatus answer;
    told().target->status(&answer);
    return answer;
}

void put(rte_tel_data* into, const char* name, std::uint64_t value) {
    rte_tel_data_add_dict_u64(into, name, value);
}

// Names may be letters, digits, _ and / only.
std::string key_of(std::string_view name) {
    std::string key(name);
    for (char& letter : key)
        if (letter == ':') letter = '/';
    return key;
}

int put_tally(rte_tel_data* into, std::string_view name, const char* what, const LinkTally& tally) {
    rte_tel_data* pair = rte_tel_data_alloc();
    if (pair == nullptr) return -ENOMEM;
    rte_tel_data_start_dict(pair);
    put(pair, what, tally.count);
    put(pair, "bytes", tally.bytes);
    return rte_tel_data_add_dict_container(into, key_of(name).c_str(), pair, 0);
}

int tell_status(const char*, rte_tel_data* answer) {
    const LinkStatus& s = status();
    rte_tel_data_start_dict(answer);
    rte_tel_data_add_dict_string(answer, "version", s.version);
    put(answer, "flows", s.flows);
    put(answer, "flows_max", s.flows_max);
    put(answer, "flows_midstream", s.flows_midstream);
    put(answer, "kept_bytes", s.kept_bytes);
    put(answer, "generation", s.generation);
    put(answer, "indicators", s.indicators);
    put(answer, "suspensions", s.suspensions);
    put(answer, "journal_sequence", s.journal_sequence);
    put(answer, "journal_errors", s.journal_errors);
    return 0;
}

int tell_frames(const char*, rte_tel_data* answer) {
    const LinkCounters& c = counters();
    rte_tel_data_start_dict(answer);
    for (std::size_t i = 0; i < frame_class_count; ++i)
        if (const int e = put_tally(answer, frame_class_name(i), "packets", c.frames[i])) return e;
    return 0;
}

int tell_objects(const char*, rte_tel_data* answer) {
    const LinkCounters& c = counters();
    rte_tel_data_start_dict(answer);
    for (std::size_t i = 0; i < object_class_count; ++i)
        if (const int e = put_tally(answer, object_class_name(i), "objects", c.objects[i]))
            return e;
    return 0;
}

int tell_outcomes(const char*, rte_tel_data* answer) {
    const LinkCounters& c = counters();
    rte_tel_data_start_dict(answer);
    for (std::size_t i = 0; i < outcome_count; ++i)
        if (c.outcomes[i] != 0) put(answer, outcome_table[i].name.data(), c.outcomes[i]);
    return 0;
}

int tell_services(const char*, rte_tel_data* answer) {
    const LinkCounters& c = counters();
    rte_tel_data_start_array(answer, RTE_TEL_STRING_VAL);
    for (std::uint32_t i = 0; i < c.service_count; ++i)
        rte_tel_data_add_array_string(answer, c.services[i].name);
    return 0;
}

int tell_service(const char* name, rte_tel_data* answer) {
    const LinkCounters& c = counters();
    for (std::uint32_t i = 0; i < c.service_count; ++i) {
        const LinkServiceCounters& service = c.services[i];
        if (name == nullptr || std::strcmp(service.name, name) != 0) continue;
        rte_tel_data_start_dict(answer);
        std::uint64_t messages = 0;
        for (const std::uint64_t n : service.latency)
            messages += n;
        put(answer, "messages", messages);
        put(answer, "verdict_ns", service.latency_sum_ns);
        for (std::size_t v = 0; v < service_verdict_count; ++v)
            if (const int e =
                    put_tally(answer, service_verdict_names[v], "objects", service.verdicts[v]))
                return e;
        return 0;
    }
    return -EINVAL;
}

std::uint64_t frames_of(const Counters& worker) {
    std::uint64_t sum = 0;
    for (const Tally& of_class : worker.frames)
        sum += of_class.count.read();
    return sum;
}

int tell_workers(const char*, rte_tel_data* answer) {
    rte_tel_data_start_dict(answer);
    std::size_t number = 0;
    for (const auto& worker : *told().workers) {
        rte_tel_data* one = rte_tel_data_alloc();
        if (one == nullptr) return -ENOMEM;
        rte_tel_data_start_dict(one);
        put(one, "turns", worker->turns());
        put(one, "frames", frames_of(worker->counters()));
        put(one, "handed_over", worker->handed_over());
        put(one, "flows", worker->flows());
        put(one, "kept_bytes", worker->kept_bytes());
        put(one, "stale_frames", worker->stale_frames());
        const std::string name = "worker" + std::to_string(number++);
        if (const int e = rte_tel_data_add_dict_container(answer, name.c_str(), one, 0)) return e;
    }
    return 0;
}

struct Command {
    const char* name;
    telemetry_cb tell;
    const char* help;
};

constexpr Command commands[] = {
    {"/cordon/status", answer_with<tell_status>,
     "Flows, indicators, generation, journal. No parameters"},
    {"/cordon/frames", answer_with<tell_frames>, "Frames and bytes by class. No parameters"},
    {"/cordon/objects", answer_with<tell_objects>, "Objects and bytes by class. No parameters"},
    {"/cordon/outcomes", answer_with<tell_outcomes>,
     "Every outcome that is not zero. No parameters"},
    {"/cordon/services", answer_with<tell_services>, "Names of the services. No parameters"},
    {"/cordon/service", answer_with<tell_service>,
     "Verdicts of a service. Parameters: string name"},
    {"/cordon/workers", answer_with<tell_workers>, "What each worker does. No parameters"},
};

}  // namespace

Result<void> register_telemetry(LinkTarget* target,
                                const std::vector<std::unique_ptr<WorkerLoop>>* workers) {
    {
        const std::lock_guard lock(told().mutex);
        told().target = target;
        told().workers = workers;
    }
    for (const Command& command : commands) {
        if (const int e = rte_telemetry_register_cmd(command.name, command.tell, command.help);
            e != 0)
            return failure(ErrorCode::io, "DPDK takes no telemetry command", -e);
    }
    return {};
}

void end_telemetry() {
    const std::lock_guard lock(told().mutex);
    told().target = nullptr;
}

}  // namespace cordon
