#include "control/config/feed_config.h"

#include <algorithm>

#include "control/config/text_rules.h"
#include "control/config/toml_section.h"
#include "control/feed/trust_table.h"

namespace cordon {

namespace {

bool is_address(std::string_view text) {
    for (const std::string_view scheme : {"https://", "http://"}) {
        if (!text.starts_with(scheme) || text.size() == scheme.size()) continue;
        return !text.ends_with('/') && std::all_of(text.begin(), text.end(), [](char c) {
            return c > ' ' && c < 0x7f &&
                   std::string_view("?#\\\"<>").find(c) == std::string_view::npos;
        });
    }
    return false;
}

// It becomes the name of a file at the publisher's.
bool is_node(std::string_view text) {
    return !text.empty() && text[0] != '.' &&
           text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-") ==
               std::string_view::npos;
}

// It becomes the name of a folder.
bool is_feed_name(std::string_view text) {
    return is_node(text);
}

constexpr TextRule address_rule = {
    is_address, "an address like \"https://mirror.example/feed\" without a slash at its end"};
constexpr TextRule node_rule = {is_node, "a name of a-z, 0-9, dot and dash"};
constexpr TextRule feed_name_rule = {is_feed_name, "a name of a-z, 0-9, dot and dash"};

bool is_ceiling(std::string_view text) {
    return text == "report" || text == "block";
}
bool is_newcomers(std::string_view text) {
    return text == "report" || text == "alarm";
}
bool is_purpose(std::string_view text) {
    return text == "known-csam";
}
// A file, or the name of a root in the package.
bool is_root(std::string_view text) {
    if (text.starts_with(feed::package_root))
        return is_feed_name(text.substr(feed::package_root.size()));
    return path_rule.fits(text);
}
constexpr TextRule root_rule = {is_root, "an absolute path, or package:NAME"};
constexpr TextRule ceiling_rule = {is_ceiling, "\"report\" or \"block\""};
constexpr TextRule newcomers_rule = {is_newcomers, "\"report\" or \"alarm\""};
constexpr TextRule purpose_rule = {is_purpose,
                                   "\"known-csam\": the law allows these tools for nothing else"};
constexpr std::size_t word_bytes_max = 64;
constexpr std::size_t name_of_people_max = 127;

constexpr std::size_t address_bytes_max = 1024;
constexpr std::size_t path_bytes_max = 4095;

void read_mirrors(TomlSection* section, bool lab, FeedOptions* feed) {
    section->texts("mirrors", &feed->mirrors);
    if (!section->has("mirrors")) section->refuse("mirrors", "is missing; name at least one");
    if (feed->mirrors.size() > mirrors_max) section->refuse("mirrors", "are more than 8");
    for (const std::string& mirror : feed->mirrors) {
        if (mirror.size() > address_bytes_max || !is_address(mirror)) {
            section->refuse("mirrors", "\"" + shown(mirror) + "\" does not fit: must be " +
                                           std::string(address_rule.must_be));
        } else if (!lab && !mirror.starts_with("https://")) {
            section->refuse("mirrors", "\"" + shown(mirror) + "\" must begin with https://");
        }
    }
}

}  // namespace

const FeedOptions* FeedsOptions::find(std::string_view feed) const {
    const auto found = std::find_if(feeds.begin(), feeds.end(),
                                    [feed](const FeedOptions& one) { return one.name == feed; });
    return found == feeds.end() ? nullptr : &*found;
}

void read_feeds(TomlSection section, const Options& box, FeedsOptions* o) {
    o->node = box.node_prefix;
    std::transform(o->node.begin(), o->node.end(), o->node.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    constexpr std::size_t node_bytes_max = 64;
    section.text("node", &o->node, node_bytes_max, node_rule);
    // Under an order the list is an authority's word, which no statistics overrule.
    o->doubt_reports = box.profile != Profile::detection_order;
    o->voluntary = box.profile == Profile::voluntary;
    std::string word;
    if (section.text("newcomers", &word, word_bytes_max, newcomers_rule))
        o->doubt_reports = word == "report";
    section.text("system_files", &o->system_files, path_bytes_max, path_rule);
    section.finish();
}

void read_feed(TomlSection* section, bool lab, FeedsOptions* o) {
    FeedOptions feed;
    feed.doubt_reports = o->doubt_reports;
    feed.voluntary = o->voluntary;
    constexpr std::size_t name_bytes_max = sizeof(SectionDescriptor::name) - 1;
    section->text("name", &feed.name, name_bytes_max, feed_name_rule);
    if (!section->has("name")) section->refuse("name", "is missing; give the feed a name");
    if (o->find(feed.name) != nullptr) section->refuse("name", "is the name of another feed");
    if (feed.name == "local")
        section->refuse("name", "is that of your own list (`cordonctl list`)");
    read_mirrors(section, lab, &feed);
    section->text("root", &feed.root, path_bytes_max, root_rule);
    if (!section->has("root"))
        section->refuse("root", "is missing; write the path of the root that you were given");
    std::string word;
    if (section->text("ceiling", &word, word_bytes_max, ceiling_rule) && word == "block")
        feed.ceiling = RightsCeiling::block;
    section->text("curator", &feed.curator, name_of_people_max, any_text_rule);
    section->text("legal_basis", &feed.legal_basis, name_of_people_max, any_text_rule);
    const bool of_package = feed.root.starts_with(feed::package_root);
    if (!lab && feed.ceiling == RightsCeiling::block && !of_package && !feed.may_be_trusted())
        section->refuse("ceiling",
                        "\"block\" takes a root of this package, or profile \"voluntary\", a "
                        "curator and a legal_basis: write \"report\" (or lab = true on a test "
                        "bench)");
    section->text("purpose", &word, word_bytes_max, purpose_rule);
    section->number("poll_seconds", &feed.poll_seconds, 10, 3600);
    section->text("ca", &feed.ca, path_bytes_max, path_rule);
    section->text("proxy", &feed.proxy, address_bytes_max, address_rule);
    section->finish();
    o->feeds.push_back(feed);
}

}  // namespace cordon
