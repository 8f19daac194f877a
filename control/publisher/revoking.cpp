// revoke, enrol, grant, verify: what the on-call holder, the grants desk and everybody else do.
#include <unistd.h>

#include <memory>

#include "control/cli/text.h"
#include "control/feed/folder_fetch.h"
#include "control/feed/grant.h"
#include "control/index/atomic_file.h"
#include "control/publisher/command_line.h"
#include "control/publisher/online_keys.h"
#include "control/publisher/repository.h"

namespace cordon::feed {
namespace {

struct RevokeLine {
    std::string directory, key, reason;
    std::optional<std::uint64_t> reference, generation, source;
    std::uint64_t hours = 0;
    bool lift = false, renew = false;
};

Result<std::optional<Suspension>> suspension_of(const RevokeLine& line, std::uint64_t now) {
    const int count =
        line.reference.has_value() + line.generation.has_value() + line.source.has_value();
    if (line.renew && count == 0) return std::optional<Suspension>();
    if (count != 1 || line.renew)
        return failure(ErrorCode::usage,
                       "name one: --reference, --generation or --source (or "
                       "--renew alone)");
    Suspension one;
    one.what = line.reference    ? SuspensionOf::reference
               : line.generation ? SuspensionOf::generation
                                 : SuspensionOf::source;
    one.value = line.reference    ? *line.reference
                : line.generation ? *line.generation
                                  : *line.source;
    const std::uint64_t most_s =
        line.reference ? reference_suspension_max_s : wide_suspension_max_s;
    const std::uint64_t hours = line.hours == 0 ? most_s / hour_s : line.hours;
    if (hours * hour_s > most_s)
        return failure(ErrorCode::usage,
                       "that may last " + std::to_string(most_s / hour_s) + " hours at most");
    if (!line.lift && line.reason.empty())
        return failure(ErrorCode::usage, "say why: --reason TEXT");
    one.since_s = now;
    one.until_s = now + hours * hour_s;
    one.reason = line.reason;
    return std::optional(one);
}

Result<void> revoke(const RevokeLine& line) {
    const auto store = FeedStore::open(line.directory);
    if (!store) return Failure(store.error());
    const std::uint64_t now = now_s();
    const auto one = suspension_of(line, now);
    if (!one) return Failure(one.error());
    const Result<KeyFile> key = open_key_file(line.key);
    if (!key) return Failure(key.error());
    std::vector<Suspension> added;
    if (*one && !line.lift) added.push_back(**one);
    const std::optional<Suspension> lifted = line.lift ? *one : std::nullopt;
    if (auto staged = stage_revocations(**store, added, lifted, *key, now); !staged) return staged;
    const Result<Published> done = publish(**store, now);
    if (!done) return Failure(done.error());
    for (const std::string& name : done->documents)
        print("published " + name);
    return {};
}

struct EnrolLine {
    std::string directory, node, key, legal_basis, order;
    std::vector<std::string> services;
};

bool is_node_name(const std::string& name) {
    // It becomes the name of a file.
    return !name.empty() && name.size() <= 64 && name[0] != '.' &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-") == std::string::npos;
}

Result<void> enrol(const EnrolLine& line) {
    if (!is_node_name(line.node))
        return failure(ErrorCode::usage,
                       "a node has a name of a-z, 0-9, '.' and '-': " + printable(line.node));
    PublicKey key;
    if (!from_hex(line.key, key))
        return failure(ErrorCode::usage, "a node's key has 64 lower-case hex digits");
    const auto store = FeedStore::open(line.directory);
    if (!store) return Failure(store.error());
    nlohmann::json services = line.services;
    const std::string services_text = services.dump();
    const Result<void> done = (*store)->transaction([&]() -> Result<void> {
        Statement put(
            (*store)->db(),
            "INSERT INTO node VALUES (?, ?, ?, ?, ?, 0, 0, NULL) ON CONFLICT DO UPDATE SET "
            "key = excluded.key, legal_basis = excluded.legal_basis, "
            "ordered = excluded.ordered, services = excluded.services");
        put.bind(line.node).bind(Bytes(key)).bind(line.legal_basis).bind(line.order);
        put.bind(services_text).run();
        (*store)->note(now_s(), "enrolled " + line.node + " on " + line.legal_basis);
        return {};
    });
    if (done) print(line.node + " is enrolled; `cordon-feed grant` gives it the key");
    return done;
}

struct GrantLine {
    std::string directory;
    std::vector<std::string> nodes;
    bool renew_all = false;
    std::uint64_t days = 31;
};

// Now and next: an appliance holds the key of an epoch before the first release of it comes.
std::map<std::uint32_t, SecretKey> granted_epochs(FeedStore& store) {
    std::map<std::uint32_t, SecretKey> epochs;
    const std::uint32_t newest = newest_epoch(store);
    for (std::uint32_t epoch = newest > 1 ? newest - 1 : 1; epoch <= newest; ++epoch) {
        if (const Result<SecretKey> key = epoch_key(store, epoch)) epochs[epoch] = *key;
    }
    return epochs;
}

Result<void> grant_node(FeedStore& store, const std::string& node, const KeyFile& key,
                        const GrantLine& line, const std::string& feed) {
    Statement query(store.db(),
                    "SELECT key, legal_basis, ordered, services, serial FROM node WHERE name = ?");
    query.bind(node);
    if (!query.row()) return failure(ErrorCode::refused, printable(node) + " is not enrolled");
    PublicKey node_key;
    std::copy_n(query.blob(0).begin(), node_key.size(), node_key.begin());
    Grant grant;
    grant.feed = feed;
    grant.node = node;
    grant.serial = query.number(4) + 1;
    grant.issued_s = grant.not_before_s = now_s();
    grant.not_after_s = grant.not_before_s + line.days * day_s;
    grant.legal_basis = query.text(1);
    grant.order = query.text(2);
    for (const auto& service : nlohmann::json::parse(query.text(3)))
        grant.services.push_back(service);
    grant.epochs = granted_epochs(store);
    query.reset();
    Document document;
    document.body = grant_body(grant, node_key);
    const Envelope envelope = document.envelope();
    document.signatures = {
        {key_id(key.public_key), sign(key.seed, as_bytes(envelope.signed_bytes))}};
    const std::string text = document.text();
    Statement put(store.db(),
                  "UPDATE node SET serial = ?, granted = ?, grant_file = ? WHERE name = ?");
    put.bind_unsigned(grant.serial).bind_unsigned(grant.issued_s).bind(text).bind(node).run();
    store.note(now_s(), "grant " + std::to_string(grant.serial) + " for " + node + " until " +
                            write_time(grant.not_after_s));
    print("grant " + std::to_string(grant.serial) + " for " + node + " until " +
          write_time(grant.not_after_s));
    return {};
}

Result<void> grant(const GrantLine& line) {
    const auto store = FeedStore::open(line.directory);
    if (!store) return Failure(store.error());
    std::vector<std::string> nodes = line.nodes;
    Statement all((*store)->db(), "SELECT name FROM node ORDER BY name");
    while (line.renew_all && all.row())
        nodes.push_back(all.text(0));
    if (nodes.empty())
        return failure(ErrorCode::usage, "name a node, or --renew-all when some are enrolled");
    const Result<KeyFile> key = online_key(**store, "grants");
    if (!key) return Failure(key.error());
    const Result<RootMetadata> root = Documents(**store).root();
    if (!root) return Failure(root.error());
    const Result<void> done = (*store)->transaction([&]() -> Result<void> {
        for (const std::string& node : nodes) {
            if (auto granted = grant_node(**store, node, *key, line, root->feed); !granted)
                return granted;
        }
        return {};
    });
    return done ? write_public(**store) : done;
}

struct VerifyLine {
    std::string folder, root;
};

// Every listed target opens, and both ways that lead to a generation lead to the same set.
Result<void> verify_targets(const Refreshed& feed, FeedStore& store, Fetch& fetch) {
    std::map<std::uint64_t, RecordSet> sets;
    std::size_t opened = 0;
    const auto take = [&](const std::string& name, const TargetFile& file,
                          const RecordSet& from) -> Result<void> {
        const Result<SecretKey> key = epoch_key(store, file.epoch);
        if (!key) return Failure(key.error());
        auto set = fetch_and_apply(name, file, feed.targets.caps, *key, from, fetch, nullptr);
        if (!set) return Failure(Error{set.error().code, name + ": " + set.error().text});
        sets.emplace(file.generation, std::move(*set));
        ++opened;
        return {};
    };
    for (const auto& [name, file] : feed.releases->targets) {
        if (file.base != 0) continue;
        if (auto done = take(name, file, {}); !done) return done;
    }
    std::map<std::uint64_t, std::vector<std::string>> by_base;
    for (const auto& [name, file] : feed.releases->targets)
        if (file.base != 0) by_base[file.base].push_back(name);
    for (const auto& [base, names] : by_base) {
        for (const std::string& name : names) {
            const auto from = sets.find(base);
            if (from == sets.end())
                continue;  // older than the oldest full set: nobody starts there
            if (auto done = take(name, feed.releases->targets.at(name), from->second); !done)
                return done;
        }
    }
    print("targets     " + std::to_string(opened) + " of " +
          std::to_string(feed.releases->targets.size()) +
          " opened, each leads to the state that was signed");
    return {};
}

Result<void> verify(const VerifyLine& line) {
    const bool is_feed = ::access((line.folder + "/feed.db").c_str(), F_OK) == 0;
    const std::string folder = is_feed ? line.folder + "/public" : line.folder;
    const std::string root_path = line.root.empty() ? folder + "/metadata/1.root.json" : line.root;
    TrustState state;
    const Result<std::string> root = read_whole_file(root_path, root_bytes_max);
    if (!root) return Failure(root.error());
    state.root = *root;
    FolderFetch fetch(folder);
    const Result<Refreshed> feed = refresh(state, fetch, now_s());
    if (!feed) return Failure(feed.error());
    print("feed        " + feed->root.feed + (feed->root.lab ? " (LAB)" : "") + ", root " +
          std::to_string(feed->root.version));
    print("issued      " + write_time(feed->timestamp.issued_s));
    if (!feed->revocations) return Failure(feed->revocations.error());
    print("suspended   " + std::to_string(feed->revocations->suspensions.size()));
    if (!feed->releases) return Failure(feed->releases.error());
    print("generation  " + std::to_string(feed->releases->newest()));
    if (!is_feed) return {};
    const auto store = FeedStore::open(line.folder);
    if (!store) return Failure(store.error());
    return verify_targets(*feed, **store, fetch);
}

}  // namespace

void add_revoking_commands(CLI::App& app, Run* run) {
    auto line = std::make_shared<RevokeLine>();
    CLI::App* command = app.add_subcommand(
        "revoke",
        "suspend at once a reference, or what a generation or source added; signs and "
        "publishes");
    command->add_option("DIR", line->directory, "folder of the feed")->required();
    command->add_option("--key", line->key, "key file of who is on call")->required();
    command->add_option("--reference", line->reference, "an item: up to 7 days");
    command->add_option("--generation", line->generation, "all that it added: up to 72 hours");
    command->add_option("--source", line->source, "all that it lists: up to 72 hours");
    command->add_option("--hours", line->hours, "how long (default: as long as it may)");
    command->add_option("--reason", line->reason, "why; everybody can read it")
        ->check(text_of_at_most(500));
    command->add_flag("--lift", line->lift, "end the suspension instead");
    command->add_flag("--renew", line->renew, "only sign again what is suspended: once a day");
    command->callback([=] { *run = [=] { return revoke(*line); }; });
}

void add_granting_commands(CLI::App& app, Run* run) {
    auto line = std::make_shared<EnrolLine>();
    CLI::App* command = app.add_subcommand("enrol", "note an appliance that may have the feed");
    command->add_option("DIR", line->directory, "folder of the feed")->required();
    command->add_option("NODE", line->node, "its name")->required();
    command->add_option("--node-key", line->key, "its public X25519 key, in hex")->required();
    command->add_option("--legal-basis", line->legal_basis, "on what it may have it")
        ->required()
        ->check(text_of_at_most(200));
    command->add_option("--order", line->order, "number of the order, if there is one")
        ->check(text_of_at_most(200));
    command->add_option("--service", line->services, "only for this service of it")
        ->check(text_of_at_most(64));
    command->callback([=] { *run = [=] { return enrol(*line); }; });

    auto granting = std::make_shared<GrantLine>();
    command =
        app.add_subcommand("grant", "seal the feed's key for appliances, for 31 days at most");
    command->add_option("DIR", granting->directory, "folder of the feed")->required();
    command->add_option("NODE", granting->nodes, "names of appliances");
    command->add_flag("--renew-all", granting->renew_all, "all that are enrolled");
    command->add_option("--days", granting->days, "how long (default 31)")
        ->check(CLI::Range(1, 31));
    command->callback([=] { *run = [=] { return grant(*granting); }; });
}

void add_verifying_commands(CLI::App& app, Run* run) {
    auto line = std::make_shared<VerifyLine>();
    CLI::App* command = app.add_subcommand(
        "verify", "check a feed, or a mirror of it, as a client does; its own targets are opened");
    command->add_option("DIR", line->folder, "folder of the feed, or of a mirror")->required();
    command->add_option("--root", line->root, "where trust begins (default: its first root)");
    command->callback([=] { *run = [=] { return verify(*line); }; });
}

}  // namespace cordon::feed
