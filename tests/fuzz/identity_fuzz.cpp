// Accounts, forwarded clients and refusals from hostile heads: results are clean text within their
// buffers, and every refusal is one whole answer that does not depend on the request's content.
#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "dataplane/http/identity.h"
#include "dataplane/http/message.h"
#include "dataplane/http/refusal.h"
#include "dataplane/http/response.h"

namespace cordon {
namespace {

#define REQUIRE(x) \
    if (!(x)) std::abort()

void check_clean(std::string_view text, std::size_t room) {
    REQUIRE(text.size() <= room);
    for (const char c : text)
        REQUIRE(static_cast<std::uint8_t>(c) >= 0x20 && c != 0x7f);
    std::vector<char> again(text.size());
    REQUIRE(copy_clean(text, again) == text);
}

void check_accounts(const Head& head) {
    for (const AccountFrom from : {AccountFrom::none, AccountFrom::s3_access_key,
                                   AccountFrom::basic_user, AccountFrom::header}) {
        for (const std::size_t room : {std::size_t{128}, std::size_t{5}, std::size_t{1}}) {
            std::vector<char> out(room);
            check_clean(account_of(head, from, "x-user", out), room);
        }
    }
}

void check_answer(std::string_view answer, bool to_head) {
    ResponseTracker tracker;
    ResponseEvent event;
    tracker.expect(to_head ? MethodKind::head : MethodKind::other);
    tracker.feed(as_bytes(answer));
    REQUIRE(tracker.next(&event) && event.kind == ResponseEvent::Kind::final_head);
    REQUIRE(tracker.next(&event) && event.kind == ResponseEvent::Kind::end);
    REQUIRE(tracker.consumed() == answer.size() && !tracker.next(&event));
}

// The fields of the request stand in for hostile configuration as well.
void check_refusal(const Head& head) {
    RefusalText text;
    text.origin = origin_of(head);
    text.case_number = head.method;
    text.complaint_url = head.target;
    text.contact = head.content_type;
    text.operator_name = head.host;
    text.legal_basis = head.find("x-user").value_or("");
    text.profile = head.minor_version == 1 ? AnswerText::explain : AnswerText::neutral;
    std::array<std::uint8_t, refusal_bytes_max> out;
    for (const RequestKind kind : {RequestKind::s3, RequestKind::webdav, RequestKind::html,
                                   RequestKind::text, RequestKind::no_body, classify(head)}) {
        const std::size_t bytes = write_refusal(out, kind, text);
        check_answer(as_text(Bytes(out).first(bytes)), kind == RequestKind::no_body);
    }
}

}  // namespace
}  // namespace cordon

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace cordon;
    static std::array<std::uint8_t, limits::head_bytes_max> storage;
    std::array<char, 64> clean;
    check_clean(copy_clean(as_text({data, size}), clean), clean.size());

    RequestParser parser;
    RequestEvent event;
    parser.open(storage);
    parser.feed({data, size});
    if (!parser.next(&event) || event.kind != RequestEvent::Kind::head) return 0;
    AddressPrefix trusted{};
    trusted.address[0] = 0xfd;
    trusted.bits = 8;
    ClientAddress client;
    for (const std::string_view name : {"x-forwarded-for", "forwarded"}) {
        forwarded_client(parser.head(), name, {&trusted, 1}, &client);
    }
    check_accounts(parser.head());
    check_refusal(parser.head());
    return 0;
}
