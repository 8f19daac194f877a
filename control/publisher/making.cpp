// key, init, status, caps, rotate-key.
#include <sys/stat.h>

#include <algorithm>
#include <memory>

#include "control/cli/text.h"
#include "control/publisher/command_line.h"
#include "control/publisher/online_keys.h"
#include "control/publisher/repository.h"

namespace cordon::feed {
namespace {

// Bounds that a laboratory or a first feed can live with; the holders of targets change them.
constexpr std::uint64_t additions_day_default = 250'000;
constexpr std::uint64_t removals_day_default = 50'000;
constexpr std::uint64_t total_default = 20'000'000;

struct KeyOptions {
    std::string name;
    std::string file;
    bool open = false;
};

Result<void> make_key(const KeyOptions& options) {
    std::optional<std::string> passphrase;
    if (!options.open) {
        const Result<std::string> typed = read_passphrase("new passphrase");
        if (!typed) return Failure(typed.error());
        passphrase = *typed;
    }
    const auto made = make_key_file(options.file, options.name, passphrase);
    if (!made) return Failure(made.error());
    print("private key of " + made->name + " in " + options.file + "; give away only " +
          options.file + ".pub");
    return {};
}

struct InitOptions {
    std::string directory;
    std::string feed = "lab/known-csam";
    bool lab = false;
    std::vector<std::string> root, targets, releases, revocations;
};

Result<void> take_keys(const std::vector<std::string>& files, RoleKeys* role) {
    for (const std::string& file : files) {
        const auto key = read_public_key_file(file);
        if (!key) return Failure(key.error());
        role->keys.push_back(*key);
    }
    return {};
}

// All keys of a laboratory lie in its folder, open.
Result<void> make_lab_keys(FeedStore& store, const char* name, int count, RoleKeys* role) {
    for (int i = 1; i <= count; ++i) {
        const std::string who = name + std::to_string(i);
        const auto key = make_key_file(store.path("keys/" + who + ".key"), who, std::nullopt);
        if (!key) return Failure(key.error());
        role->keys.push_back(*key);
    }
    return {};
}

Result<void> sign_as_lab(FeedStore& store, const FeedPlan& plan) {
    return store.transaction([&]() -> Result<void> {
        for (const RoleKeys* role : {&plan.root, &plan.targets, &plan.revocations}) {
            for (std::uint32_t i = 0; i < role->threshold; ++i) {
                const std::string path = store.path("keys/" + role->keys[i].name + ".key");
                const Result<KeyFile> key = open_key_file(path);
                if (!key) return Failure(key.error());
                const auto done = Documents(store).sign_staged(*key, plan.now_s,
                                                               {"root", "targets", "revocations"});
                if (!done) return Failure(done.error());
            }
        }
        return {};
    });
}

Result<void> plan_keys(FeedStore& store, const InitOptions& options, FeedPlan* plan) {
    const std::pair<RoleKeys*, const std::vector<std::string>*> roles[] = {
        {&plan->root, &options.root},
        {&plan->targets, &options.targets},
        {&plan->releases, &options.releases},
        {&plan->revocations, &options.revocations}};
    constexpr std::pair<const char*, int> lab[] = {
        {"root", 5}, {"targets", 3}, {"curator", 3}, {"oncall", 2}};
    for (std::size_t i = 0; i < std::size(roles); ++i) {
        const auto done = options.lab
                              ? make_lab_keys(store, lab[i].first, lab[i].second, roles[i].first)
                              : take_keys(*roles[i].second, roles[i].first);
        if (!done) return done;
    }
    return {};
}

Result<void> init(const InitOptions& options) {
    const auto store = FeedStore::make(options.directory);
    if (!store) return Failure(store.error());
    FeedPlan plan;
    plan.feed = options.feed;
    plan.lab = options.lab;
    plan.now_s = now_s();
    plan.caps = {additions_day_default,
                 removals_day_default,
                 total_default,
                 {},
                 {"sha256", "sha1", "md5", "sha256-tree"}};
    if (auto done = plan_keys(**store, options, &plan); !done) return done;
    if (auto done = begin_feed(**store, plan); !done) return done;
    if (options.lab) {
        if (auto done = sign_as_lab(**store, plan); !done) return done;
    }
    print("feed " + plan.feed + " in " + options.directory +
          (options.lab ? ": a LAB feed, all keys lie in its folder"
                       : ": root, targets and revocations wait for signatures"));
    return {};
}

Result<void> status(const std::string& directory) {
    const auto store = FeedStore::open(directory);
    if (!store) return Failure(store.error());
    Documents documents(**store);
    const Result<RootMetadata> root = documents.root();
    if (!root) return Failure(root.error());
    print("feed        " + root->feed + (root->lab ? " (LAB)" : ""));
    print("generation  " + std::to_string(published_generation(**store)));
    for (const char* role :
         {"root", "targets", "releases", "revocations", "snapshot", "timestamp"}) {
        const auto document = documents.published(role);
        std::string line = role;
        line.resize(12, ' ');
        print(line + (document ? std::to_string(document->version) + ", ends " +
                                     document->body["expires"].get<std::string>()
                               : "not published"));
    }
    for (const char* role : signed_roles) {
        const auto document = documents.staged(role);
        if (!document) continue;
        const Result<std::string> needs = describe_needs(**store, *document);
        if (!needs) return Failure(needs.error());
        print("staged      " + *needs);
    }
    return {};
}

// Of what a feed may have records.
std::vector<std::string> listed_kinds() {
    std::vector<std::string> names;
    for (std::size_t kind = 0; kind < indicator_kind_count; ++kind) {
        if (static_cast<IndicatorKind>(kind) != IndicatorKind::head)
            names.emplace_back(indicator_kind_name(static_cast<IndicatorKind>(kind)));
    }
    return names;
}

struct CapsOptions {
    std::string directory;
    std::optional<std::uint64_t> additions_day, removals_day, total;
    std::vector<std::string> allow, forbid;  // kinds
};

Result<void> stage_targets(FeedStore& store, TargetsMetadata targets) {
    targets.expires_s = now_s() + targets_life_s;
    const Result<void> done = store.transaction([&]() -> Result<void> {
        Documents(store).stage("targets", to_json(targets));
        return {};
    });
    if (done) print("targets staged: two of its holders must approve");
    return done;
}

Result<void> caps(const CapsOptions& options) {
    const auto store = FeedStore::open(options.directory);
    if (!store) return Failure(store.error());
    Result<TargetsMetadata> targets = Documents(**store).targets();
    if (!targets) return Failure(targets.error());
    Caps& bounds = targets->caps;
    bounds.additions_day = options.additions_day.value_or(bounds.additions_day);
    bounds.removals_day = options.removals_day.value_or(bounds.removals_day);
    bounds.total = options.total.value_or(bounds.total);
    for (const std::string& kind : options.allow)
        bounds.kinds.insert(kind);
    for (const std::string& kind : options.forbid)
        bounds.kinds.erase(kind);
    bounds.sources.clear();
    Statement query((*store)->db(), "SELECT number, name FROM source");
    while (query.row())
        bounds.sources[static_cast<std::uint16_t>(query.integer(0))] = query.text(1);
    return stage_targets(**store, *targets);
}

struct RotateOptions {
    std::string directory;
    std::string role;
    std::vector<std::string> add, remove;
};

Result<void> rotate(FeedStore& store, const RotateOptions& options, Keys* keys, Role* role) {
    for (const std::string& name : options.remove) {
        const std::size_t erased = std::erase_if(role->keyids, [&](const std::string& id) {
            return Documents(store).holder(id) == name;
        });
        if (erased == 0)
            return failure(ErrorCode::refused,
                           printable(name) + " holds no key of " + options.role);
    }
    for (const std::string& file : options.add) {
        const auto key = read_public_key_file(file);
        if (!key) return Failure(key.error());
        const std::string id = key_id(key->public_key);
        (*keys)[id] = key->public_key;
        role->keyids.insert(id);
        Statement put(store.db(), "INSERT OR REPLACE INTO holder VALUES (?, ?)");
        put.bind(id).bind(key->name).run();
    }
    if (role->keyids.size() < role->threshold)
        return failure(ErrorCode::refused, options.role + " would have fewer keys than it needs");
    return {};
}

// A new key of our own. The old one goes on signing until the document that names it is published.
Result<void> renew_online(FeedStore& store, RotateOptions* options, Role* role) {
    const Result<std::string> next = make_next_online_key(store, options->role);
    if (!next) return Failure(next.error());
    role->keyids.clear();
    options->add = {*next};
    options->remove.clear();
    return {};
}

void drop_unused(Keys* keys, const std::vector<const Role*>& roles) {
    std::erase_if(*keys, [&](const auto& key) {
        return std::none_of(roles.begin(), roles.end(),
                            [&](const Role* role) { return role->keyids.contains(key.first); });
    });
}

Result<void> rotate_in_root(FeedStore& store, RotateOptions options) {
    Result<RootMetadata> root = Documents(store).root();
    if (!root) return Failure(root.error());
    Role* role = options.role == "root"       ? &root->root
                 : options.role == "targets"  ? &root->targets
                 : options.role == "snapshot" ? &root->snapshot
                                              : &root->timestamp;
    if (options.role == "snapshot" || options.role == "timestamp") {
        if (auto done = renew_online(store, &options, role); !done) return done;
    }
    if (auto done = rotate(store, options, &root->keys, role); !done) return done;
    drop_unused(&root->keys, {&root->root, &root->targets, &root->snapshot, &root->timestamp});
    root->expires_s = now_s() + root_life_s;
    const Result<void> done = store.transaction([&]() -> Result<void> {
        Documents(store).stage("root", to_json(*root));
        return {};
    });
    if (done) print("root staged: three of its holders must approve, of the old root and the new");
    return done;
}

Result<void> rotate_in_targets(FeedStore& store, RotateOptions options) {
    Result<TargetsMetadata> targets = Documents(store).targets();
    if (!targets) return Failure(targets.error());
    Role* role = options.role == "releases"      ? &targets->releases
                 : options.role == "revocations" ? &targets->revocations
                                                 : &targets->grants;
    if (options.role == "grants") {
        if (auto done = renew_online(store, &options, role); !done) return done;
    }
    if (auto done = rotate(store, options, &targets->keys, role); !done) return done;
    drop_unused(&targets->keys, {&targets->releases, &targets->revocations, &targets->grants});
    return stage_targets(store, *targets);
}

Result<void> rotate_key(const RotateOptions& options) {
    const auto store = FeedStore::open(options.directory);
    if (!store) return Failure(store.error());
    if (options.role == "epoch") {
        const Result<std::uint32_t> epoch = make_next_epoch(**store, now_s());
        if (!epoch) return Failure(epoch.error());
        print("epoch " + std::to_string(*epoch) +
              " has a key: `grant --renew-all` gives it to the nodes, then `stage --next-epoch` "
              "takes it");
        return {};
    }
    const bool in_root = options.role == "root" || options.role == "targets" ||
                         options.role == "snapshot" || options.role == "timestamp";
    return in_root ? rotate_in_root(**store, options) : rotate_in_targets(**store, options);
}

void add_rotate_key(CLI::App& app, Run* run) {
    auto options = std::make_shared<RotateOptions>();
    CLI::App* command = app.add_subcommand(
        "rotate-key", "stage other keys of a role, or (nothing to add or remove) its renewal");
    command->add_option("DIR", options->directory, "folder of the feed")->required();
    command->add_option("ROLE", options->role, "whose keys")
        ->required()
        ->check(CLI::IsMember({"root", "targets", "releases", "revocations", "snapshot",
                               "timestamp", "grants", "epoch"}));
    command->add_option("--add", options->add, "public key file to add");
    command->add_option("--remove", options->remove, "name of a holder to remove");
    command->callback([=] { *run = [=] { return rotate_key(*options); }; });
}

void add_init(CLI::App& app, Run* run) {
    auto options = std::make_shared<InitOptions>();
    CLI::App* command = app.add_subcommand("init", "begin a feed in an empty folder");
    command->add_option("DIR", options->directory, "folder of the feed")->required();
    command->add_option("--feed", options->feed, "its name (default lab/known-csam)")
        ->check(text_of_at_most(64));
    command->add_flag("--lab", options->lab,
                      "a test feed: makes all keys itself, and everything says LAB");
    command->add_option("--root", options->root, "public key file of a holder of root: 3 of 5");
    command->add_option("--targets", options->targets, "of a holder of targets: 2 of 3");
    command->add_option("--curator", options->releases, "of a curator: 2 of 3");
    command->add_option("--on-call", options->revocations, "of who may revoke: 1 of 2");
    command->callback([=] { *run = [=] { return init(*options); }; });
}

}  // namespace

void add_making_commands(CLI::App& app, Run* run) {
    auto key = std::make_shared<KeyOptions>();
    CLI::App* command = app.add_subcommand("key", "make the key of one person");
    command->add_option("NAME", key->name, "whose it is")->required();
    command->add_option("FILE", key->file, "the file to write; FILE.pub is its public half")
        ->required();
    command->add_flag("--unprotected", key->open, "no passphrase: the medium is the protection");
    command->callback([=] { *run = [=] { return make_key(*key); }; });

    add_init(app, run);

    auto directory = std::make_shared<std::string>();
    command = app.add_subcommand("status", "what is published, and what waits for whom");
    command->add_option("DIR", *directory, "folder of the feed")->required();
    command->callback([=] { *run = [=] { return status(*directory); }; });

    auto bounds = std::make_shared<CapsOptions>();
    command = app.add_subcommand(
        "caps", "stage targets with the sources there are, and what a day may change");
    command->add_option("DIR", bounds->directory, "folder of the feed")->required();
    command->add_option("--additions-day", bounds->additions_day, "records added in a day");
    command->add_option("--removals-day", bounds->removals_day, "records removed in a day");
    command->add_option("--total", bounds->total, "records in all");
    command
        ->add_option("--allow", bounds->allow,
                     "a kind of indicators to list from now on: pattern, pdq … Appliances of a "
                     "version that does not know it refuse a release that has some")
        ->check(CLI::IsMember(listed_kinds()));
    command->add_option("--forbid", bounds->forbid, "a kind that is not to be listed any more")
        ->check(CLI::IsMember(listed_kinds()));
    command->callback([=] { *run = [=] { return caps(*bounds); }; });

    add_rotate_key(app, run);
}

}  // namespace cordon::feed
