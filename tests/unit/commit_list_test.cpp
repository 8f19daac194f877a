// The lists in commits: as clients write them, cut anywhere, and as an attacker would, so that a
// storage might read another list than we.
#include "dataplane/assembly/commit_list.h"

#include <string>
#include <vector>

#include "dataplane/http/message.h"
#include "tests/support/cmocka_cpp.h"
#include "tests/support/every_split.h"
#include "tests/support/parsed_request.h"

namespace cordon {
namespace {

constexpr std::uint64_t seed = 7;

using State = CommitList::State;

struct Read {
    State state;
    std::vector<CommitEntry> entries;
};

struct Commit {
    explicit Commit(const std::string& line, const std::string& fields = "")
        : request(line + " HTTP/1.1\r\nHost: a\r\n" + fields),
          piece(recipe_of(request.head(), seed)) {}

    Read read(const std::vector<Bytes>& pieces) const {
        CommitList list;
        list.open(request.head(), piece, seed);
        Read seen{State::open, {}};
        CommitEntry entry;
        for (const Bytes piece_of : pieces) {
            list.feed(piece_of);
            while (list.next(&entry))
                seen.entries.push_back(entry);
        }
        list.finish();
        while (list.next(&entry))
            seen.entries.push_back(entry);
        seen.state = list.state();
        return seen;
    }
    Read read(const std::string& body) const {
        const test::GuardedBytes guarded(as_bytes(body));
        return read(std::vector<Bytes>{guarded.bytes()});
    }

    test::ParsedRequest request;
    PieceRequest piece;
};

const char* const s3_line = "POST /bkt/k?uploadId=u";
const char* const azure_line = "PUT /con/blob?comp=blocklist";
const char* const slo_line = "PUT /v1/AUTH_t/con/big?multipart-manifest=put";
const char* const gcs_line = "POST /storage/v1/b/bkt/o/big/compose";
const char* const gcs_xml_line = "PUT /bkt/big?compose";

void expect_state(const char* line, const std::string& body, State state) {
    const Read seen = Commit(line).read(body);
    if (seen.state != state) print_message("%s\n", body.c_str());
    assert_int_equal(static_cast<int>(seen.state), static_cast<int>(state));
}

void expect_numbers(const std::string& body, const std::vector<std::uint64_t>& numbers) {
    const Read seen = Commit(s3_line).read(body);
    assert_int_equal(static_cast<int>(seen.state), static_cast<int>(State::complete));
    assert_int_equal(seen.entries.size(), numbers.size());
    for (std::size_t at = 0; at < numbers.size(); ++at) {
        assert_true(seen.entries[at].from == CommitEntry::From::index);
        assert_int_equal(seen.entries[at].index, numbers[at]);
    }
}

AssemblyKey object(const std::string& path) {
    return Commit("PUT " + path).piece.key;
}

// As boto3, s3cmd, minio-js and the SDK for JavaScript send it.
const char* const boto3_body =
    "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Part><ETag>\"9a0"
    "36422\"</ETag><PartNumber>1</PartNumber></Part><Part><ETag>&quot;9b&quot;</ETag><PartNumber>2"
    "</PartNumber></Part><Part><ETag>x</ETag><ChecksumCRC32>AA==</ChecksumCRC32><PartNumber>7"
    "</PartNumber></Part></CompleteMultipartUpload>";

void reads_the_parts_of_a_complete(void**) {
    expect_numbers(boto3_body, {1, 2, 7});
    expect_numbers(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<CompleteMultipartUpload>\n  <Part>\n"
        "    <PartNumber>2</PartNumber>\n    <ETag>a</ETag>\n  </Part>\n"
        "</CompleteMultipartUpload>\n",
        {2});
    expect_numbers(
        "\xef\xbb\xbf<s3:C xmlns:s3='x'><!-- a > b --><s3:Part a=\">\" ><s3:PartNumber\t>"
        "<![CDATA[1]]>&#50;&#x33;</s3:PartNumber></s3:Part ><Other/><a><Part>"
        "<PartNumber>99</PartNumber></Part></a></s3:C><!-- end -->",
        {123});
}

void reads_a_list_however_it_is_cut(void**) {
    const std::vector<std::pair<const char*, std::string>> bodies = {
        {s3_line, boto3_body},
        {s3_line, "<C><Part><PartNumber><![CDATA[1]]]]><![CDATA[]]></PartNumber></Part></C>"},
        {s3_line, "<C><Part><PartNumber><![CDATA[1]]></PartNumber></Part>x&amp;<b a='/'/></C>"},
        {azure_line,
         "<?xml version=\"1.0\"?><BlockList><Latest>AAA=</Latest><Committed>BB=="
         "</Committed></BlockList>"},
        {slo_line,
         "[{\"path\": \"/c/\\u00e4\\ud83d\\ude00\", \"range\": \"5-9\", \"size_bytes\": 5},"
         " {\"data\": \"QUFB\"}]"},
        {gcs_line, "{\"kind\":\"x\",\"sourceObjects\":[{\"name\":\"a\",\"generation\":1.5e3}]}"}};
    for (const auto& [line, body] : bodies) {
        const Commit commit(line);
        const Read whole = commit.read(body);
        test::every_split(as_bytes(body), [&](const std::vector<Bytes>& pieces) {
            const Read cut = commit.read(pieces);
            assert_true(cut.state == whole.state && cut.entries.size() == whole.entries.size());
            for (std::size_t at = 0; at < cut.entries.size(); ++at) {
                assert_true(cut.entries[at].name == whole.entries[at].name);
                assert_true(cut.entries[at].index == whole.entries[at].index);
                assert_true(cut.entries[at].length == whole.entries[at].length);
            }
        });
    }
}

void refuses_what_readers_of_xml_read_differently(void**) {
    const auto with_number = [](const std::string& text) {
        return "<C><Part><PartNumber>" + text + "</PartNumber></Part></C>";
    };
    expect_state(s3_line, with_number("1"), State::complete);
    expect_state(s3_line, with_number(" 1\n"), State::complete);
    for (const char* text :
         {"1<!-- -->2", "<!-- -->1", "1<x/>", "x", "", "-1", "+1", "1 2", "1.0", "&one;", "&#256;",
          "&#0;", "&#x110000;", "&lt", "1\x01", "%31", "99999999999999999999"}) {
        expect_state(s3_line, with_number(text), State::bad);
    }
    for (const char* body :
         {"<!DOCTYPE C [<!ENTITY a \"1\">]><C><Part><PartNumber>1</PartNumber></Part></C>",
          "<?xml version='1.0' encoding='UTF-7'?><C><Part><PartNumber>1</PartNumber></Part></C>",
          "<?php ?><C><Part><PartNumber>1</PartNumber></Part></C>",
          "<C><?x?><Part><PartNumber>1</PartNumber></Part></C>",
          "<C><Part><PartNumber>1</PartNumber></part></C>",
          "<C><Part><PartNumber>1</PartNumber></Part></C><C/>",
          "<C><Part><PartNumber>1</PartNumber></Part></C>x",
          "<C><Part><PartNumber>1</PartNumber></Part>",
          "<C/>",
          "<C><Part/></C>",
          "<C",
          "<C><Part><PartNumber>1</PartNumber><PartNumber>2</PartNumber></Part></C>",
          "<C><Part><PartNumber>2</PartNumber></Part><Part><PartNumber>1</PartNumber></Part></C>",
          "<C><Part><PartNumber>1</PartNumber></Part><Part><PartNumber>1</PartNumber></Part></C>",
          "<C><Part><ETag>a</ETag></Part></C>",
          "<C><a b='<'/></C>",
          "<1/>",
          "< C/>",
          "<C><a><b><c><d><e><f><g><h/></g></f></e></d></c></b></a></C>",
          "\xff\xfe<\0C\0>\0",
          "\x1f\x8b\x08"}) {
        expect_state(s3_line, body, State::bad);
    }
}

void knows_a_body_that_is_no_list(void**) {
    for (const char* body : {"", "  \n", "{\"parts\":[]}", "uploadId=u&done=1"})
        expect_state(s3_line, body, State::foreign);
    expect_state(slo_line, "<a/>", State::foreign);
    expect_state(gcs_line, "[]", State::foreign);
}

void counts_parts_up_to_its_limit(void**) {
    const auto parts = [](unsigned count) {
        std::string body = "<C>";
        for (unsigned n = 1; n <= count; ++n)
            body += "<Part><PartNumber>" + std::to_string(n) + "</PartNumber></Part>";
        return body + "</C>";
    };
    expect_state(s3_line, parts(limits::commit_parts_max), State::complete);
    expect_state(s3_line, parts(limits::commit_parts_max + 1), State::bad);
    const std::string longest(limits::commit_value_bytes_max, 'A');
    expect_state(azure_line, "<B><Latest>" + longest + "</Latest></B>", State::complete);
    expect_state(azure_line, "<B><Latest>" + longest + "A</Latest></B>", State::bad);
}

void reads_the_blocks_of_a_list(void**) {
    const Read seen =
        Commit(azure_line)
            .read(
                "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList><Committed>AAAA</Committed>"
                "<Uncommitted>BBA=</Uncommitted><Latest>AAAA</Latest></BlockList>");
    assert_true(seen.state == State::complete && seen.entries.size() == 3);
    assert_true(seen.entries[0].from == CommitEntry::From::committed);
    assert_true(seen.entries[1].from == CommitEntry::From::staged);
    assert_true(seen.entries[2].from == CommitEntry::From::name);
    assert_true(seen.entries[0].name == seen.entries[2].name);
    assert_true(seen.entries[1].name ==
                Commit("PUT /con/blob?comp=block&blockid=BBA%3d").piece.name);
    for (const char* body : {"<B><latest>AA</latest></B>", "<B><Latest></Latest></B>",
                             "<B><Latest>A<!---->A</Latest></B>", "<B></B>",
                             "<B><Latest>A\rA</Latest></B>", "<B><Latest><x>AA</x></Latest></B>"}) {
        expect_state(azure_line, body, State::bad);
    }
}

void reads_the_segments_of_a_manifest(void**) {
    const Read seen = Commit(slo_line).read(
        "[{\"path\": \"/seg/a b\", \"etag\": null, \"size_bytes\": 1048576},\n"
        "{\"range\": \"10-19\", \"path\": \"seg//x/../a\\u0020b\", \"more\": {\"path\": []}},"
        "{\"path\":\"/seg/c\",\"range\":\"-5\"},{\"data\":\"QUFB\"},"
        "{\"path\":\"/seg/100%25\",\"range\":null}]");
    assert_int_equal(static_cast<int>(seen.state), static_cast<int>(State::complete));
    assert_int_equal(seen.entries.size(), 5);
    assert_true(seen.entries[0].name == object("/v1/AUTH_t/seg/a%20b"));
    assert_true(seen.entries[0].from == CommitEntry::From::object);
    assert_true(seen.entries[1].name == seen.entries[0].name);
    assert_true(seen.entries[1].offset == 10 && seen.entries[1].length == 10);
    assert_true(seen.entries[2].offset == piece_unknown && seen.entries[2].length == 5);
    assert_true(seen.entries[3].from == CommitEntry::From::list);
    assert_true(seen.entries[4].name == object("/v1/AUTH_t/seg/100%2525"));
}

// The storage compares it, so that the content is known. As clients write it, and as nothing else.
void reads_the_digests_of_segments(void**) {
    const std::string hex = "00112233445566778899aabbccddeeff";
    const Read seen = Commit(slo_line).read(
        "[{\"path\":\"/seg/big/00000002\",\"etag\":\"" + hex + "\",\"size_bytes\":5}," +
        "{\"etag\":\"\\\"" + hex + "\\\"\",\"path\":\"seg/big/2\"}," +
        "{\"path\":\"/seg/x\",\"etag\":\"" + hex + "-2\"}," +
        "{\"path\":\"/seg/x\",\"etag\":\"0011223344556677\"}," +
        "{\"path\":\"/seg/x\",\"etag\":\"00112233445566778899AABBCCDDEEFF\"}," +
        "{\"path\":\"/seg/x\",\"etag\":\"\"},{\"path\":\"/seg/x\",\"etag\":null}]");
    assert_int_equal(static_cast<int>(seen.state), static_cast<int>(State::complete));
    assert_int_equal(seen.entries.size(), 7);
    for (std::size_t n = 0; n < seen.entries.size(); ++n) {
        assert_int_equal(seen.entries[n].has_md5, n < 2);
        assert_int_equal(seen.entries[n].md5[15], n < 2 ? 0xff : 0);
    }
    test::ParsedRequest segment("PUT /v1/AUTH_t/seg/big/00000002 HTTP/1.1\r\nHost: a\r\n");
    const PieceRequest piece = recipe_of(segment.head(), seed);
    assert_true(seen.entries[0].group == piece.group && piece.group != AssemblyKey{});
    assert_true(seen.entries[0].position == piece.position);
    assert_true(seen.entries[1].group == piece.group);
    assert_true(seen.entries[1].position != piece.position);
    assert_true(seen.entries[2].position == piece_unknown);
    expect_state(slo_line, "[{\"path\":\"/a/b\",\"etag\":7}]", State::bad);
    expect_state(slo_line, "[{\"path\":\"/a/b\",\"etag\":\"\",\"etag\":\"\"}]", State::bad);
}

void refuses_what_readers_of_json_read_differently(void**) {
    for (const char* body : {"[{\"path\":\"/a/b\",\"path\":\"/a/c\"}]",
                             "[{\"path\":\"/a/b\",\"p\\u0061th\":\"/a/c\"}]",
                             "[{\"path\":\"/a/b\"}]x",
                             "[{\"path\":\"/a/b\"},]",
                             "[{\"path\":\"/a/b\",}]",
                             "[]",
                             "[{\"path\":\"/a/b\"}",
                             "[{\"path\":7}]",
                             "[{\"path\":null}]",
                             "[{\"path\":[\"/a/b\"]}]",
                             "[{\"path\":{}}]",
                             "[{\"etag\":\"x\"}]",
                             "[[{\"path\":\"/a/b\"}]]",
                             "[\"/a/b\"]",
                             "[1]",
                             "[{'path':'/a/b'}]",
                             "[{\"path\":\"/a/b\",\"n\":NaN}]",
                             "[{\"path\":\"/a/b\",\"n\":01}]",
                             "[{\"path\":\"\\ud800\"}]",
                             "[{\"path\":\"\\udc00x\"}]",
                             "[{\"path\":\"\\x\"}]",
                             "[{\"path\":\"a\nb\"}]",
                             "[{\"path\":\"/a/b\",\"range\":\"9-1\"}]",
                             "[{\"path\":\"/a/b\",\"range\":5}]",
                             "[{\"path\":\"/a/b\",\"data\":\"AA\"}]",
                             "[{\"path\":\"/a/b\"] ]",
                             "[{\"path\":\"/a/b\" \"x\":1}]",
                             "[{path:\"/a/b\"}]",
                             "[{\"path\":\"/a/b\",\"x\":[[[[[[[[]]]]]]]]}]",
                             "\xef\xbb\xbf[{\"path\":\"/a/b\"}]"}) {
        expect_state(slo_line, body, State::bad);
    }
    expect_state(slo_line, "[{\"path\":\"/a/b\",\"x\":[{\"path\":[1,true,null,\"\"]}]}]\n",
                 State::complete);
}

void reads_the_sources_of_a_composition(void**) {
    const Read seen = Commit(gcs_line).read(
        "{\"kind\":\"storage#composeRequest\",\"destination\":{\"name\":\"x\",\"metadata\":"
        "{\"name\":\"y\"}},\"sourceObjects\":[{\"name\":\"dir/a\",\"generation\":\"12\"},"
        "{\"objectPreconditions\":{\"name\":\"z\"},\"name\":\"b\"}]}");
    assert_true(seen.state == State::complete && seen.entries.size() == 2);
    assert_true(seen.entries[0].name == object("/bkt/dir/a"));
    assert_true(seen.entries[1].name == object("/bkt/b"));
    for (const char* body :
         {"{\"sourceObjects\":[{\"name\":\"a\"}],\"sourceObjects\":[{\"name\":\"b\"}]}",
          "{\"sourceObjects\":{\"name\":\"a\"}}", "{\"sourceObjects\":\"a\"}",
          "{\"sourceObjects\":[\"a\"]}", "{\"sourceObjects\":[{}]}", "{}",
          "{\"a\":[{\"name\":\"a\"}]}", "{\"sourceObjects\":[{\"name\":\"a\",\"name\":\"b\"}]}"}) {
        expect_state(gcs_line, body, State::bad);
    }
    const Read xml =
        Commit(gcs_xml_line)
            .read(
                "<ComposeRequest><Component><Name>dir/a</Name><Generation>1</Generation>"
                "</Component><Component><Name>a&amp;b</Name></Component>"
                "</ComposeRequest>");
    assert_true(xml.state == State::complete && xml.entries.size() == 2);
    assert_true(xml.entries[0].name == object("/bkt/dir/a"));
    assert_true(xml.entries[1].name == object("/bkt/a%26b"));
}

void reads_the_partial_uploads_in_a_head(void**) {
    const Commit commit("POST /files",
                        "Upload-Concat: final;http://cdn.example/files/a  /files/b c\r\n");
    const Read seen = commit.read(std::vector<Bytes>{});
    assert_true(seen.state == State::complete && seen.entries.size() == 3);
    assert_true(seen.entries[0].name ==
                Commit("PATCH /files/a", "Upload-Offset: 0\r\nContent-Length: 1\r\n").piece.key);
    assert_true(seen.entries[1].name == object("/files/b"));
    assert_true(seen.entries[2].name == object("/c"));
    assert_true(
        Commit("POST /files", "Upload-Concat: final;\r\n").read(std::vector<Bytes>{}).state ==
        State::bad);
}

}  // namespace
}  // namespace cordon

int main() {
    using namespace cordon;
    const CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_parts_of_a_complete),
        cmocka_unit_test(reads_a_list_however_it_is_cut),
        cmocka_unit_test(refuses_what_readers_of_xml_read_differently),
        cmocka_unit_test(knows_a_body_that_is_no_list),
        cmocka_unit_test(counts_parts_up_to_its_limit),
        cmocka_unit_test(reads_the_blocks_of_a_list),
        cmocka_unit_test(reads_the_segments_of_a_manifest),
        cmocka_unit_test(reads_the_digests_of_segments),
        cmocka_unit_test(refuses_what_readers_of_json_read_differently),
        cmocka_unit_test(reads_the_sources_of_a_composition),
        cmocka_unit_test(reads_the_partial_uploads_in_a_head),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
