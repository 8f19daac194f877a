// What requests mean for an assembly: each recipe as its clients write it, the spellings that must
// not tear pieces apart, and what servers would read in two ways.
#include "dataplane/assembly/recipe.h"

#include <string>
#include <vector>

#include "dataplane/assembly/form_fields.h"
#include "dataplane/assembly/numbering.h"
#include "dataplane/http/message.h"
#include "tests/support/cmocka_cpp.h"
#include "tests/support/parsed_request.h"

namespace cordon {
namespace {

constexpr std::uint64_t seed = 0x1234567890abcdef;
constexpr std::uint64_t unknown = piece_unknown;

using test::ParsedRequest;

std::string head_of(const std::string& line, const std::string& fields = "") {
    return line + " HTTP/1.1\r\nHost: storage.example\r\n" + fields;
}

PieceRequest read(const std::string& line, const std::string& fields = "") {
    const ParsedRequest request(head_of(line, fields));
    return recipe_of(request.head(), seed);
}

void expect(const PieceRequest& request, Recipe recipe, PieceAct act) {
    assert_string_equal(std::string(recipe_name(request.recipe)).c_str(),
                        std::string(recipe_name(recipe)).c_str());
    assert_int_equal(static_cast<int>(request.act), static_cast<int>(act));
}

void expect_same(const PieceRequest& a, const PieceRequest& b) {
    assert_true(a.key == b.key);
    assert_true(a.key != AssemblyKey{});
}

void expect_other(const PieceRequest& a, const PieceRequest& b) {
    assert_true(a.key != b.key);
}

// --- S3 ------------------------------------------------------------------------------------------

// As boto3, minio-js and the SDK for JavaScript sent them (captures of the reference set).
void reads_the_parts_of_an_s3_upload(void**) {
    const std::string id = "2~0WvOss1Em5VoFR98e6MMskk2ZFvjTyt";
    const PieceRequest part =
        read("PUT /bkt/k_boto3?uploadId=" + id + "&partNumber=3", "Content-Length: 2097152\r\n");
    expect(part, Recipe::s3_multipart, PieceAct::piece);
    assert_int_equal(part.index, 3);
    assert_int_equal(part.length, 2097152);
    assert_true(part.order == PieceOrder::index && part.visibility == Visibility::at_commit);
    const PieceRequest sdk = read("PUT /bkt/k?partNumber=2&uploadId=" + id + "&x-id=UploadPart",
                                  "Content-Length: 5\r\n");
    expect(sdk, Recipe::s3_multipart, PieceAct::piece);
    assert_int_equal(sdk.index, 2);
    expect_same(part, sdk);

    const PieceRequest commit = read("POST /bkt/k_boto3?uploadId=" + id, "Content-Length: 300\r\n");
    expect(commit, Recipe::s3_multipart, PieceAct::commit);
    assert_true(commit.list == ListFormat::s3_parts);
    expect_same(part, commit);
    const PieceRequest abort = read("DELETE /bkt/k_boto3?uploadId=" + id);
    expect(abort, Recipe::s3_multipart, PieceAct::abort);
    expect_same(part, abort);
}

void knows_the_length_of_a_part_in_aws_chunks(void**) {
    const PieceRequest part = read("PUT /b/k?partNumber=1&uploadId=u",
                                   "Content-Length: 5243000\r\nContent-Encoding: aws-chunked\r\n"
                                   "X-Amz-Decoded-Content-Length: 5242880\r\n"
                                   "X-Amz-Content-Sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\n");
    assert_int_equal(part.length, 5242880);
}

void reads_the_copy_of_a_part(void**) {
    const PieceRequest copy =
        read("PUT /b/k?partNumber=4&uploadId=u",
             "x-amz-copy-source: /src/a%20b?versionId=7\r\n"
             "x-amz-copy-source-range: bytes=5242880-10485759\r\nContent-Length: 0\r\n");
    expect(copy, Recipe::s3_multipart, PieceAct::copy_piece);
    assert_int_equal(copy.index, 4);
    assert_int_equal(copy.source_offset, 5242880);
    assert_int_equal(copy.length, 5242880);
    assert_true(copy.source == read("PUT /src/a%20b", "Content-Length: 1\r\n").key);
    const PieceRequest whole =
        read("PUT /b/k?partNumber=4&uploadId=u", "x-amz-copy-source: src/a%20b\r\n");
    assert_true(whole.source == copy.source && whole.length == unknown);
    expect(read("PUT /b/k?partNumber=4&uploadId=u",
                "x-amz-copy-source: src/a\r\nx-amz-copy-source-range: bytes=5-2\r\n"),
           Recipe::s3_multipart, PieceAct::bad);
}

void takes_all_spellings_of_an_upload_id_for_one(void**) {
    const PieceRequest plain = read("PUT /b/k?partNumber=1&uploadId=aB~1+c%3D");
    for (const char* other : {"PUT /b/k?uploadId=%61B%7e1%2Bc=&partNumber=%31",
                              "PUT /b//k?partNumber=01&uploadId=aB~1+c%3D",
                              "PUT http://storage.example/b/k?partNumber=1&uploadId=aB~1%20c%3d",
                              "PUT /k?partNumber=1&uploadid=aB~1+c%3D",
                              "PUT /b/k?x=y&part%4eumber=1&uploadId=aB~1+c%3D"}) {
        const PieceRequest request = read(other);
        expect(request, Recipe::s3_multipart, PieceAct::piece);
        assert_int_equal(request.index, 1);
        expect_same(plain, request);
    }
    expect_other(plain, read("PUT /b/k?partNumber=1&uploadId=aB~1+d%3D"));
}

void refuses_a_part_that_servers_number_differently(void**) {
    for (const char* line :
         {"PUT /b/k?partNumber=1&partNumber=2&uploadId=u", "PUT /b/k?partNumber=1x&uploadId=u",
          "PUT /b/k?partNumber=&uploadId=u", "PUT /b/k?partNumber=-1&uploadId=u",
          "PUT /b/k?partNumber=1&uploadId=u&uploadId=v",
          "PUT /b/k?partNumber=9999999999999999999&uploadId=u"}) {
        expect(read(line), Recipe::s3_multipart, PieceAct::bad);
    }
    expect(read("PUT /b/k?partNumber=1&partNumber=1&uploadId=u"), Recipe::s3_multipart,
           PieceAct::piece);
}

void knows_an_s3_object_by_bucket_in_path_or_host(void**) {
    const ParsedRequest hosted(
        "PUT /a%2Fb HTTP/1.1\r\nHost: bkt.s3.example\r\nContent-Length: 4\r\n"
        "Authorization: AWS4-HMAC-SHA256 Credential=A/20261121/r/s3/aws4_request\r\n");
    const PieceRequest object = recipe_of(hosted.head(), seed);
    expect(object, Recipe::plain_object, PieceAct::object);
    assert_true(object.alias == read("PUT /bkt/a/b", "Content-Length: 4\r\n").key);
    const PieceRequest copy = read("PUT /b/k", "x-amz-copy-source: bkt/a/b\r\n");
    expect(copy, Recipe::plain_object, PieceAct::copy);
    assert_true(copy.source == object.alias);
    assert_true(read("PUT /bkt/a/b").alias == AssemblyKey{});
}

// --- ranges and offsets --------------------------------------------------------------------------

void reads_ranges_that_a_put_writes_in_place(void**) {
    const PieceRequest piece =
        read("PUT /dav/f.bin", "Content-Range: bytes 500-999/8000\r\nContent-Length: 500\r\n");
    expect(piece, Recipe::content_range, PieceAct::piece);
    assert_true(piece.order == PieceOrder::offset && piece.visibility == Visibility::at_once);
    assert_int_equal(piece.offset, 500);
    assert_int_equal(piece.length, 500);
    assert_int_equal(piece.total, 8000);
    const PieceRequest open =
        read("PUT /dav/f.bin", "Content-Range: bytes 0-9/*\r\nTransfer-Encoding: chunked\r\n");
    expect(open, Recipe::content_range, PieceAct::piece);
    assert_true(open.total == unknown && open.offset == 0);
    expect_same(piece, open);
    expect_same(piece, read("PUT /dav/f.bin", "Content-Length: 9\r\n"));
}

void refuses_ranges_that_servers_read_differently(void**) {
    for (const char* range : {"bytes 5-4/8", "bytes 0-8/8", "bytes 0-7/8x", "bytes 0-/8",
                              "bytes -7/8", "lines 0-7/8", "bytes 0-7/", "0-7/8/9",
                              "bytes 0-99999999999999999999/*", "", "bytes 0-6/8", "bytes */8"}) {
        expect(read("PUT /f", "Content-Length: 8\r\nContent-Range: " + std::string(range) + "\r\n"),
               Recipe::content_range, PieceAct::bad);
    }
    expect(read("PUT /f",
                "Content-Length: 8\r\nContent-Range: bytes 0-7/8\r\n"
                "Content-Range: bytes 8-15/16\r\n"),
           Recipe::content_range, PieceAct::bad);
}

void reads_a_session_of_google(void**) {
    const std::string target = "/upload/storage/v1/b/bkt/o?uploadType=resumable&name=n&upload_id=";
    const PieceRequest piece = read("PUT " + target + "AHVrFx",
                                    "Content-Range: bytes 262144-524287/*\r\n"
                                    "Content-Length: 262144\r\n");
    expect(piece, Recipe::session_range, PieceAct::piece);
    assert_int_equal(piece.offset, 262144);
    expect_other(piece, read("PUT " + target + "AHVrFy",
                             "Content-Range: bytes 0-9/10\r\nContent-Length: 10\r\n"));
    const PieceRequest end =
        read("PUT " + target + "AHVrFx", "Content-Range: bytes */524288\r\nContent-Length: 0\r\n");
    expect(end, Recipe::session_range, PieceAct::commit);
    assert_int_equal(end.total, 524288);
    expect_same(piece, end);
    // Only a question.
    expect(read("PUT " + target + "AHVrFx", "Content-Range: bytes */*\r\nContent-Length: 0\r\n"),
           Recipe::plain_object, PieceAct::object);
}

void takes_all_spellings_of_a_path_for_one(void**) {
    const std::string fields = "Content-Range: bytes 0-7/8\r\nContent-Length: 8\r\n";
    const PieceRequest plain = read("PUT /dav/a%20b/c", fields);
    for (const char* line :
         {"PUT /dav//a%20b/./c", "PUT /dav/x/../a%20b/c", "PUT /d%61v/a%20b/c/",
          "PUT /dav%2Fa%20b%2fc", "PUT http://other.example/dav/a%20b/c", "PUT /dav/a%20b/c?sig=1",
          "PUT /../dav/%2e/a%20b/c", "PUT /dav/x/%2E%2E/a%20b/c?y#z"}) {
        expect_same(plain, read(line, fields));
    }
    expect_other(plain, read("PUT /dav/a%2520b/c", fields));
    expect_other(plain, read("PUT /dav/a%20b", fields));
}

void reads_a_tus_upload(void**) {
    const PieceRequest create = read("POST /files",
                                     "Tus-Resumable: 1.0.0\r\nUpload-Length: 100\r\n"
                                     "Content-Length: 0\r\n");
    expect(create, Recipe::tus, PieceAct::begin);
    assert_true(create.key_in_answer && create.total == 100);
    const PieceRequest patch = read("PATCH /files/24e533e",
                                    "Tus-Resumable: 1.0.0\r\nUpload-Offset: 70\r\n"
                                    "Content-Type: application/offset+octet-stream\r\n"
                                    "Content-Length: 30\r\n");
    expect(patch, Recipe::tus, PieceAct::piece);
    assert_true(patch.offset == 70 && patch.length == 30 && !patch.key_in_answer);
    const ParsedRequest created(head_of("POST /files", "Upload-Length: 100\r\n"));
    for (const char* location : {"http://cdn.example/files/24e533e", "/files/24e533e",
                                 " /files//24e533e", "files/24e533e"}) {
        assert_true(key_of_location(created.head(), location, seed) == patch.key);
    }
    expect_same(patch, read("POST /files/24e533e",
                            "X-HTTP-Method-Override: PATCH\r\n"
                            "Upload-Offset: 70\r\nContent-Length: 30\r\n"));
    expect_same(patch, read("DELETE /files/24e533e", "Tus-Resumable: 1.0.0\r\n"));
    expect(read("PATCH /files/24e533e", "Upload-Offset: x\r\nContent-Length: 30\r\n"), Recipe::tus,
           PieceAct::bad);
}

void reads_the_first_bytes_in_a_creation(void**) {
    const PieceRequest create =
        read("POST /files", "Tus-Resumable: 1.0.0\r\nUpload-Length: 100\r\nContent-Length: 40\r\n");
    expect(create, Recipe::tus, PieceAct::piece);
    assert_true(create.key_in_answer && create.begins && create.offset == 0);
    const PieceRequest deferred =
        read("POST /files", "Upload-Defer-Length: 1\r\nContent-Length: 0\r\n");
    expect(deferred, Recipe::tus, PieceAct::begin);
    assert_true(deferred.total == unknown);
}

void reads_a_concatenation_of_tus(void**) {
    const PieceRequest part = read("POST /files", "Upload-Concat: partial\r\nUpload-Length: 5\r\n");
    expect(part, Recipe::tus, PieceAct::begin);
    const PieceRequest whole = read("POST /files", "Upload-Concat: final;/files/a /files/b\r\n");
    expect(whole, Recipe::tus_final, PieceAct::commit);
    assert_true(whole.list == ListFormat::tus_partials && whole.key_in_answer);
}

void reads_the_resumable_uploads_of_the_draft(void**) {
    const PieceRequest first =
        read("POST /upload", "Upload-Complete: ?0\r\nUpload-Length: 100\r\nContent-Length: 60\r\n");
    expect(first, Recipe::ietf_resumable, PieceAct::piece);
    assert_true(first.key_in_answer && first.offset == 0 && !first.last && first.total == 100);
    const PieceRequest rest = read("PATCH /upload/b530",
                                   "Upload-Complete: ?1\r\n"
                                   "Upload-Offset: 60\r\nContent-Length: 40\r\n");
    expect(rest, Recipe::ietf_resumable, PieceAct::piece);
    assert_true(rest.offset == 60 && rest.last);
    const PieceRequest old = read("PATCH /upload/b530",
                                  "Upload-Incomplete: ?1\r\nUpload-Offset: 60\r\n"
                                  "Content-Length: 10\r\n");
    assert_true(!old.last);
    expect_same(rest, old);
    const PieceRequest end = read("PATCH /upload/b530",
                                  "Upload-Complete: ?1\r\nUpload-Offset: 100\r\n"
                                  "Content-Length: 0\r\n");
    expect(end, Recipe::ietf_resumable, PieceAct::commit);
    assert_int_equal(end.total, 100);
    expect(read("PATCH /u", "Upload-Complete: 1\r\nUpload-Offset: 100\r\n"), Recipe::ietf_resumable,
           PieceAct::bad);
}

// --- WebDAV --------------------------------------------------------------------------------------

void reads_the_patches_of_sabre(void**) {
    const auto patch = [](const std::string& range) {
        return read("PATCH /dav/f", "X-Update-Range: " + range +
                                        "\r\nContent-Length: 4\r\n"
                                        "Content-Type: application/x-sabredav-partialupdate\r\n");
    };
    expect(patch("bytes=3-6"), Recipe::sabre_patch, PieceAct::piece);
    assert_int_equal(patch("bytes=3-6").offset, 3);
    assert_int_equal(patch("bytes=3-").offset, 3);
    assert_true(patch("append").order == PieceOrder::append);
    assert_true(patch("bytes=-4").offset == unknown);
    for (const char* range : {"bytes=3-7", "bytes=6-3", "4", "bytes=", "bytes=-"})
        expect(patch(range), Recipe::sabre_patch, PieceAct::bad);
    expect_same(patch("append"), read("PUT /dav/f", "Content-Length: 4\r\n"));
}

void reads_the_chunk_folders_of_nextcloud(void**) {
    const std::string folder = "/remote.php/dav/uploads/roeland/myapp-e1663913";
    const PieceRequest begin = read("MKCOL " + folder);
    expect(begin, Recipe::chunk_folder, PieceAct::begin);
    const PieceRequest chunk = read("PUT " + folder + "/00002",
                                    "OC-Total-Length: 15000000\r\nContent-Length: 5000000\r\n");
    expect(chunk, Recipe::chunk_folder, PieceAct::piece);
    assert_true(chunk.index == 2 && chunk.length == 5000000 && chunk.order == PieceOrder::index);
    const PieceRequest move =
        read("MOVE " + folder + "/.file",
             "Destination: https://server/remote.php/dav/files/roeland/dest/file.zip\r\n");
    expect(move, Recipe::chunk_folder, PieceAct::commit);
    const PieceRequest abort = read("DELETE " + folder);
    expect(abort, Recipe::chunk_folder, PieceAct::abort);
    for (const PieceRequest& request : {chunk, move, abort})
        expect_same(begin, request);
    for (const char* spelled :
         {"MOVE /nextcloud/remote.php/d%61v/uploads/roeland/myapp-e1663913/.file",
          "MOVE /remote.php/dav/files/../uploads//Roeland/myapp-e1663913/%2efile"}) {
        const PieceRequest request = read(spelled, "Destination: /remote.php/dav/files/r/x\r\n");
        expect(request, Recipe::chunk_folder, PieceAct::commit);
        expect_same(begin, request);
    }
}

void follows_what_is_done_to_chunks_in_a_folder(void**) {
    const std::string folder = "/remote.php/dav/uploads/u/id";
    const std::string files = "Destination: /remote.php/dav/files/u/x\r\n";
    const PieceRequest dropped = read("DELETE " + folder + "/3");
    expect(dropped, Recipe::chunk_folder, PieceAct::drop_piece);
    assert_int_equal(dropped.index, 3);
    expect(read("MOVE " + folder + "/3", files), Recipe::chunk_folder, PieceAct::drop_piece);
    expect(read("MOVE " + folder + "/3", "Destination: " + folder + "/4\r\n"), Recipe::chunk_folder,
           PieceAct::bad);
    expect(read("MOVE " + folder, files), Recipe::chunk_folder, PieceAct::bad);
    expect(read("PUT " + folder + "/.file"), Recipe::chunk_folder, PieceAct::bad);
    const PieceRequest taken =
        read("COPY /remote.php/dav/files/u/x", "Destination: " + folder + "/4\r\n");
    expect(taken, Recipe::chunk_folder, PieceAct::copy_piece);
    assert_int_equal(taken.index, 4);
    assert_true(taken.source == read("PUT /remote.php/dav/files/u/x").key);
    // One number in two names: both are there for the server.
    assert_true(read("PUT " + folder + "/1").name != read("PUT " + folder + "/01").name);
    assert_true(read("PUT " + folder + "/chunk").index == unknown);
}

void reads_the_chunk_names_of_owncloud(void**) {
    const std::string fields = "OC-Chunked: 1\r\nContent-Length: 10\r\n";
    const PieceRequest chunk = read("PUT /remote.php/webdav/a.zip-chunking-4134-3-1", fields);
    expect(chunk, Recipe::chunk_name, PieceAct::piece);
    assert_true(chunk.index == 1 && chunk.pieces == 3);
    expect_same(chunk, read("PUT /remote.php/webdav/a.zip-chunking-4134-3-0", fields));
    expect_other(chunk, read("PUT /remote.php/webdav/b.zip-chunking-4134-3-0", fields));
    expect(read("PUT /remote.php/webdav/a.zip-chunking-4134-3-3", fields), Recipe::chunk_name,
           PieceAct::bad);
    expect(read("PUT /remote.php/webdav/a.zip-chunking-4134-3-1"), Recipe::plain_object,
           PieceAct::object);
}

void reads_copies_and_moves(void**) {
    const PieceRequest copy = read("COPY /dav/a%20b", "Destination: http://h/dav/c\r\n");
    expect(copy, Recipe::webdav_copy, PieceAct::copy);
    assert_true(copy.source == read("PUT /dav/a%20b").key && copy.key == read("PUT /dav/c").key);
    expect(read("MOVE /dav/a", "Destination: /dav/c\r\n"), Recipe::webdav_copy, PieceAct::copy);
    const PieceRequest gone = read("DELETE /dav/c");
    expect(gone, Recipe::plain_object, PieceAct::abort);
    expect_same(copy, gone);
}

// --- Azure ---------------------------------------------------------------------------------------

void reads_the_blocks_of_azure(void**) {
    const PieceRequest block =
        read("PUT /c/blob?comp=block&blockid=AAAAAA%3D%3D&sv=1", "Content-Length: 4194304\r\n");
    expect(block, Recipe::azure_block, PieceAct::piece);
    assert_true(block.order == PieceOrder::name && block.visibility == Visibility::at_commit);
    assert_true(block.name == read("PUT /c/blob?blockid=AAAAAA==&comp=BLOCK").name);
    assert_true(block.name != read("PUT /c/blob?blockid=AAAAAB==&comp=block").name);
    const PieceRequest list = read("PUT /c/blob?comp=blocklist", "Content-Length: 90\r\n");
    expect(list, Recipe::azure_block, PieceAct::commit);
    assert_true(list.list == ListFormat::azure_blocks);
    expect_same(block, list);
    expect(read("PUT /c/blob?comp=block&blockid=AA&blockid=BB"), Recipe::azure_block,
           PieceAct::bad);
    expect(read("PUT /c/blob?comp=block&comp=blocklist&blockid=AA"), Recipe::none, PieceAct::bad);
    const PieceRequest url = read("PUT /c/blob?comp=block&blockid=AA",
                                  "x-ms-copy-source: https://acc.example/c/other?sig=1\r\n"
                                  "x-ms-source-range: bytes=10-19\r\nContent-Length: 0\r\n");
    expect(url, Recipe::azure_block, PieceAct::copy_piece);
    assert_true(url.source == read("PUT /c/other").key && url.source_offset == 10);
}

void reads_append_and_page_blobs_of_azure(void**) {
    const PieceRequest begin = read("PUT /c/log", "x-ms-blob-type: AppendBlob\r\n");
    expect(begin, Recipe::azure_append, PieceAct::begin);
    const PieceRequest append = read("PUT /c/log?comp=appendblock", "Content-Length: 7\r\n");
    expect(append, Recipe::azure_append, PieceAct::piece);
    assert_true(append.order == PieceOrder::append && append.length == 7);
    expect_same(begin, append);
    const PieceRequest placed =
        read("PUT /c/log?comp=appendblock", "x-ms-blob-condition-appendpos: 64\r\n");
    assert_true(placed.order == PieceOrder::offset && placed.offset == 64);
    const PieceRequest blob =
        read("PUT /c/d", "x-ms-blob-type: PageBlob\r\nx-ms-blob-content-length: 1024\r\n");
    expect(blob, Recipe::azure_page, PieceAct::begin);
    assert_int_equal(blob.total, 1024);
    const PieceRequest page = read("PUT /c/d?comp=page",
                                   "x-ms-range: bytes=512-1023\r\nContent-Length: 512\r\n"
                                   "x-ms-page-write: update\r\n");
    expect(page, Recipe::azure_page, PieceAct::piece);
    assert_true(page.offset == 512 && page.length == 512);
    expect(read("PUT /c/d?comp=page", "Range: bytes=0-511\r\nx-ms-page-write: clear\r\n"),
           Recipe::azure_page, PieceAct::copy_piece);
    expect(read("PUT /c/d?comp=page", "x-ms-range: bytes=0-511\r\nContent-Length: 5\r\n"),
           Recipe::azure_page, PieceAct::bad);
    expect(read("PUT /c/d", "x-ms-blob-type: BlockBlob\r\nContent-Length: 3\r\n"),
           Recipe::plain_object, PieceAct::object);
    expect(read("PUT /c/d?comp=metadata"), Recipe::plain_object, PieceAct::object);
}

// --- Swift, Google, registries -------------------------------------------------------------------

void reads_the_large_objects_of_swift(void**) {
    const PieceRequest segment =
        read("PUT /v1/AUTH_test/seg/big/00000002", "Content-Length: 10\r\n");
    expect(segment, Recipe::swift_object, PieceAct::object);
    assert_true(segment.component);
    const PieceRequest manifest =
        read("PUT /v1/AUTH_test/con/big?multipart-manifest=put", "Content-Length: 200\r\n");
    expect(manifest, Recipe::swift_static, PieceAct::commit);
    assert_true(manifest.list == ListFormat::swift_segments);
    const PieceRequest dynamic = read("PUT /v1/AUTH_test/con/big",
                                      "X-Object-Manifest: seg/big/\r\n"
                                      "Content-Length: 0\r\n");
    expect(dynamic, Recipe::swift_dynamic, PieceAct::commit);
    assert_true(dynamic.key == segment.group && dynamic.order == PieceOrder::number);
    for (const char* prefix : {"seg//big/", "/seg/b%69g/", "seg/big/0000"}) {
        assert_true(
            read("POST /v1/AUTH_test/con/big", "X-Object-Manifest: " + std::string(prefix) + "\r\n")
                .key == segment.group);
    }
    assert_true(read("PUT /v1/AUTH_test/seg/other/0").group != segment.group);
    expect(read("PUT /v1/AUTH_test/seg/big/2", "X-Symlink-Target: seg/other\r\n"),
           Recipe::swift_object, PieceAct::copy);
}

void counts_on_in_numbers_at_the_end_of_names(void**) {
    const auto position = [](const char* name) { return numbered_name(name).position; };
    for (const auto& [one, next] : {std::pair{"/a/0", "/a/1"},
                                    {"/a/9", "/a/10"},
                                    {"/a/99", "/a/100"},
                                    {"/a/009", "/a/010"},
                                    {"/a/00000000", "/a/00000001"},
                                    {"/a_899", "/a_900"}}) {
        assert_int_equal(position_behind(position(one)), position(next));
        assert_true(numbered_name(one).prefix == numbered_name(next).prefix);
    }
    assert_true(position("/a/1") != position("/a/01"));
    assert_true(is_first_position(position("/a/0")) && is_first_position(position("/a/001")));
    assert_false(is_first_position(position("/a/10")) || is_first_position(position("/a/2")));
    assert_int_equal(position("/a/b"), unknown);
    assert_int_equal(position(""), unknown);
    // What is too long for a number still is one name, and no other.
    const NumberedName both[] = {numbered_name("/1000000000000000"),
                                 numbered_name("/2000000000000000")};
    assert_true(both[0].position == both[1].position && both[0].prefix != both[1].prefix);
    assert_int_equal(position_behind(position("/999999999999999")), unknown);
}

void reads_copies_in_swift(void**) {
    const PieceRequest from = read("PUT /v1/AUTH_t/c/b", "X-Copy-From: /c/a%20a\r\n");
    expect(from, Recipe::swift_object, PieceAct::copy);
    const PieceRequest to = read("COPY /v1/AUTH_t/c/a%20a", "Destination: c/b\r\n");
    expect(to, Recipe::swift_object, PieceAct::copy);
    assert_true(from.key == to.key && from.source == to.source);
    assert_true(from.source == read("PUT /v1/AUTH_t/c/a%20a").key);
    const PieceRequest gateway = read("PUT /swift/v1/c/b", "X-Copy-From: c/a\r\n");
    assert_true(gateway.source == read("PUT /swift/v1/c/a").key);
}

void reads_compositions_of_google(void**) {
    const PieceRequest json =
        read("POST /storage/v1/b/bkt/o/dir%2Fbig/compose", "Content-Length: 100\r\n");
    expect(json, Recipe::gcs_compose, PieceAct::commit);
    assert_true(json.list == ListFormat::gcs_sources);
    const PieceRequest xml = read("PUT /bkt/dir/big?compose", "Content-Length: 100\r\n");
    expect(xml, Recipe::gcs_compose, PieceAct::commit);
    assert_true(xml.list == ListFormat::gcs_components);
    expect_same(json, xml);
    const PieceRequest object =
        read("POST /upload/storage/v1/b/bkt/o?uploadType=media&name=dir%2Fbig",
             "Content-Length: 10\r\n");
    expect(object, Recipe::gcs_object, PieceAct::object);
    expect_same(json, object);
}

void reads_the_blobs_of_registries(void**) {
    const std::string upload = "/v2/lib/app/blobs/uploads/6b7b";
    const PieceRequest first =
        read("PATCH " + upload + "?_state=a", "Content-Range: 0-9\r\nContent-Length: 10\r\n");
    expect(first, Recipe::oci_blob, PieceAct::piece);
    assert_true(first.offset == 0 && first.order == PieceOrder::offset);
    const PieceRequest stream =
        read("PATCH " + upload + "?_state=b", "Transfer-Encoding: chunked\r\n");
    assert_true(stream.order == PieceOrder::append);
    const PieceRequest end = read("PUT " + upload + "?digest=sha256:00", "Content-Length: 4\r\n");
    expect(end, Recipe::oci_blob, PieceAct::piece);
    assert_true(end.last && end.visibility == Visibility::at_commit);
    const PieceRequest commit = read("PUT " + upload + "?digest=sha256:00");
    expect(commit, Recipe::oci_blob, PieceAct::commit);
    for (const PieceRequest& request : {stream, end, commit})
        expect_same(first, request);
}

// --- forms ---------------------------------------------------------------------------------------

using Pairs = std::vector<std::pair<std::string, std::string>>;

PieceRequest read_form(const Pairs& pairs, const std::string& line = "POST /upload",
                       const std::string& more = "", const std::string& file = "blob") {
    const ParsedRequest request(
        head_of(line, "Content-Type: multipart/form-data; boundary=x\r\n" + more));
    const PieceRequest first = recipe_of(request.head(), seed);
    assert_int_equal(static_cast<int>(first.act), static_cast<int>(PieceAct::form));
    FormFields fields;
    fields.open(seed);
    for (const auto& [name, value] : pairs)
        fields.take(name, value);
    fields.file_name(file);
    return recipe_of(request.head(), fields, seed);
}

void reads_the_chunks_of_dropzone(void**) {
    const Pairs pairs = {{"dzuuid", "0a1b-22"},       {"dzchunkindex", "2"},
                         {"dztotalfilesize", "5000"}, {"dzchunksize", "2000"},
                         {"dztotalchunkcount", "3"},  {"dzchunkbyteoffset", "4000"}};
    const PieceRequest chunk = read_form(pairs);
    expect(chunk, Recipe::dropzone, PieceAct::piece);
    assert_true(chunk.index == 2 && chunk.pieces == 3 && chunk.offset == 4000 &&
                chunk.total == 5000);
    Pairs first = pairs;
    first[1].second = "0";
    expect_same(chunk, read_form(first));
    first[1].second = "3";
    expect(read_form(first), Recipe::dropzone, PieceAct::bad);
    first[1].second = "1e0";
    expect(read_form(first), Recipe::dropzone, PieceAct::bad);
    first[1].second = "1";
    first.emplace_back("dzchunkindex", "2");
    expect(read_form(first), Recipe::dropzone, PieceAct::bad);
    expect(read_form({{"dzuuid", "u"}, {"dzchunkindex", "0"}}), Recipe::dropzone, PieceAct::bad);
}

void reads_the_chunks_of_other_uploaders(void**) {
    const PieceRequest resumable = read_form({{"resumableChunkNumber", "1"},
                                              {"resumableTotalChunks", "4"},
                                              {"resumableTotalSize", "100"},
                                              {"resumableIdentifier", "100-ajpg"}});
    expect(resumable, Recipe::resumable_js, PieceAct::piece);
    assert_true(resumable.index == 0 && resumable.pieces == 4 && resumable.total == 100);
    expect(read_form({{"resumableChunkNumber", "0"},
                      {"resumableTotalChunks", "4"},
                      {"resumableIdentifier", "i"}}),
           Recipe::resumable_js, PieceAct::bad);
    expect(read_form({{"flowChunkNumber", "4"}, {"flowTotalChunks", "4"}, {"flowIdentifier", "i"}}),
           Recipe::flow_js, PieceAct::piece);
    expect(read_form({{"qquuid", "u"},
                      {"qqpartindex", "1"},
                      {"qqtotalparts", "3"},
                      {"qqpartbyteoffset", "10"},
                      {"qqtotalfilesize", "30"}}),
           Recipe::fine_uploader, PieceAct::piece);
    expect(read_form({{"identifier", "u"}, {"chunkNumber", "1"}, {"totalChunks", "3"}}),
           Recipe::simple_uploader, PieceAct::piece);
    expect(read_form({{"name", "a.jpg"}, {"chunk", "1"}, {"chunks", "3"}}), Recipe::plupload,
           PieceAct::piece);
    const PieceRequest offsets = read_form({{"name", "a.jpg"}, {"offset", "50"}, {"total", "90"}});
    expect(offsets, Recipe::plupload, PieceAct::piece);
    assert_true(offsets.order == PieceOrder::offset && offsets.offset == 50 && offsets.total == 90);
    expect_same(offsets, read_form({{"name", "a.jpg"}, {"chunk", "1"}, {"chunks", "3"}}));
}

void leaves_forms_alone_that_are_no_chunks(void**) {
    for (const Pairs& pairs : std::vector<Pairs>{{},
                                                 {{"name", "me"}, {"chunk", "salmon"}},
                                                 {{"name", "a"}, {"chunk", "0"}, {"chunks", "0"}},
                                                 {{"qquuid", "u"}, {"qqtotalfilesize", "30"}},
                                                 {{"name", "a"}, {"offset", "x"}, {"total", "y"}},
                                                 {{"totalChunks", "3"}, {"chunkNumber", "1"}}}) {
        expect(read_form(pairs), Recipe::none, PieceAct::none);
    }
    expect(read_form({{"name", "a"}, {"chunk", "1 "}, {"chunks", "3"}}), Recipe::plupload,
           PieceAct::piece);
    // PHP reads these as 1; others refuse them.
    for (const char* odd : {"1x", "+1", "1.0", "0x1", "%31", ""}) {
        expect(read_form({{"name", "a"}, {"chunk", odd}, {"chunks", "3"}}), Recipe::plupload,
               PieceAct::bad);
    }
}

void counts_the_query_of_a_form_as_fields(void**) {
    const PieceRequest chunk = read_form({},
                                         "POST /up?resumableChunkNumber=2&resumableTotalChunks=3&"
                                         "resumableIdentifier=a%20b");
    expect(chunk, Recipe::resumable_js, PieceAct::piece);
    assert_int_equal(chunk.index, 1);
    const Pairs same = {{"resumableChunkNumber", "3"},
                        {"resumableTotalChunks", "3"},
                        {"resumableIdentifier", "a b"}};
    expect_same(chunk, read_form(same));
    expect(read_form(same, "POST /up?resumableChunkNumber=2"), Recipe::resumable_js, PieceAct::bad);
    const PieceRequest raw = read(
        "POST /up?resumableChunkNumber=2&resumableTotalChunks=3&"
        "resumableIdentifier=a+b",
        "Content-Length: 50\r\n");
    expect(raw, Recipe::resumable_js, PieceAct::piece);
    assert_int_equal(raw.length, 50);
    expect_same(chunk, raw);
}

void reads_a_form_with_a_content_range(void**) {
    const std::string range = "Content-Range: bytes 0-99/250\r\n";
    const PieceRequest chunk = read_form({}, "POST /up", range, "photo.jpg");
    expect(chunk, Recipe::form_range, PieceAct::piece);
    assert_true(chunk.offset == 0 && chunk.length == 100 && chunk.total == 250);
    const PieceRequest named =
        read_form({}, "POST /up",
                  "Content-Range: bytes 100-249/250\r\n"
                  "Content-Disposition: attachment; filename=\"photo.jpg\"\r\n");
    expect_same(chunk, named);
    expect(read_form({}, "POST /up", "Content-Range: bytes 9-8/250\r\n"), Recipe::form_range,
           PieceAct::bad);
}

void reads_a_field_however_it_is_cut(void**) {
    const std::string id(600, 'i');
    FormFields whole;
    whole.open(seed);
    whole.take("resumableIdentifier", id);
    FormFields cut;
    cut.open(seed);
    cut.begin(" resumableIdentifier");
    for (const char c : id)
        cut.add(as_bytes({&c, 1}));
    cut.end();
    assert_true(whole.value(1, FormSlot::id).identity == cut.value(1, FormSlot::id).identity);
    assert_true(whole.value(1, FormSlot::id).present);
}

// --- none of these -------------------------------------------------------------------------------

void leaves_other_requests_alone(void**) {
    for (const char* line :
         {"GET /b/k?uploadId=u&partNumber=1", "POST /b/k?uploads", "HEAD /f", "POST /api",
          "PROPFIND /dav/", "OPTIONS *", "MKCOL /dav/x", "PATCH /api/item", "GET /v1/AUTH_a/c/o"}) {
        expect(read(line), Recipe::none, PieceAct::none);
    }
    expect(read("POST /x?uploadId=u", "Content-Type: multipart/form-data; boundary=x\r\n"),
           Recipe::none, PieceAct::form);
    const PieceRequest object = read("PUT /dav/f?x=1", "Content-Length: 3\r\n");
    expect(object, Recipe::plain_object, PieceAct::object);
    assert_true(object.length == 3 && object.begins && object.last);
}

void keys_depend_on_the_seed(void**) {
    const ParsedRequest request(head_of("PUT /b/k?partNumber=1&uploadId=u"));
    assert_true(recipe_of(request.head(), 1).key != recipe_of(request.head(), 2).key);
}

}  // namespace
}  // namespace cordon

int main() {
    using namespace cordon;
    const CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_parts_of_an_s3_upload),
        cmocka_unit_test(knows_the_length_of_a_part_in_aws_chunks),
        cmocka_unit_test(reads_the_copy_of_a_part),
        cmocka_unit_test(takes_all_spellings_of_an_upload_id_for_one),
        cmocka_unit_test(refuses_a_part_that_servers_number_differently),
        cmocka_unit_test(knows_an_s3_object_by_bucket_in_path_or_host),
        cmocka_unit_test(reads_ranges_that_a_put_writes_in_place),
        cmocka_unit_test(refuses_ranges_that_servers_read_differently),
        cmocka_unit_test(reads_a_session_of_google),
        cmocka_unit_test(takes_all_spellings_of_a_path_for_one),
        cmocka_unit_test(reads_a_tus_upload),
        cmocka_unit_test(reads_the_first_bytes_in_a_creation),
        cmocka_unit_test(reads_a_concatenation_of_tus),
        cmocka_unit_test(reads_the_resumable_uploads_of_the_draft),
        cmocka_unit_test(reads_the_patches_of_sabre),
        cmocka_unit_test(reads_the_chunk_folders_of_nextcloud),
        cmocka_unit_test(follows_what_is_done_to_chunks_in_a_folder),
        cmocka_unit_test(reads_the_chunk_names_of_owncloud),
        cmocka_unit_test(reads_copies_and_moves),
        cmocka_unit_test(reads_the_blocks_of_azure),
        cmocka_unit_test(reads_append_and_page_blobs_of_azure),
        cmocka_unit_test(reads_the_large_objects_of_swift),
        cmocka_unit_test(counts_on_in_numbers_at_the_end_of_names),
        cmocka_unit_test(reads_copies_in_swift),
        cmocka_unit_test(reads_compositions_of_google),
        cmocka_unit_test(reads_the_blobs_of_registries),
        cmocka_unit_test(reads_the_chunks_of_dropzone),
        cmocka_unit_test(reads_the_chunks_of_other_uploaders),
        cmocka_unit_test(leaves_forms_alone_that_are_no_chunks),
        cmocka_unit_test(counts_the_query_of_a_form_as_fields),
        cmocka_unit_test(reads_a_form_with_a_content_range),
        cmocka_unit_test(reads_a_field_however_it_is_cut),
        cmocka_unit_test(leaves_other_requests_alone),
        cmocka_unit_test(keys_depend_on_the_seed),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
