// The one list of limits of the dataplane, each with its reason. What an operator may change stands
// in contract/options.h; these are its defaults and the fixed ones.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cordon::limits {

// One worker carries a 10 Gbit/s line of clean uploads; more are a choice, as each takes a core.
inline constexpr std::uint32_t workers = 1;
inline constexpr std::uint32_t workers_max = 64;

// Packets taken from a port at once: enough to amortise a ring visit, few enough that a burst's
// payload (32 × 1448 B) stays in the first-level cache while it is copied and hashed.
inline constexpr std::size_t burst_frames = 32;

// IPv6 extension headers before TCP. RFC 8200 §4.1 knows six kinds, destination options twice;
// longer chains are seen only in attacks on filters.
inline constexpr std::size_t extension_headers_max = 7;

// Incomplete IP datagrams: what Linux gives them (ipfrag_high_thresh, 4 MiB), for each worker. One
// source may take a sixteenth in number and an eighth in bytes: eight datagrams of full size.
inline constexpr std::uint32_t fragment_datagrams_max = 1024;
inline constexpr std::uint32_t fragment_datagrams_source_max = 64;
inline constexpr std::uint32_t fragment_bytes_max = 4u << 20;
inline constexpr std::uint32_t fragment_bytes_source_max = 512u << 10;
inline constexpr std::size_t fragment_block_bytes = 256;  // a tiny fragment wastes little

// Of one datagram: 64 KiB over the least MTU that IPv4 hosts must take (576 B) are 119.
inline constexpr std::uint32_t fragments_max = 128;

// Fragments leave their sender back to back: what lacks one after this time has lost it. 64 KiB
// over 128 kbit/s take 4 s. Longer (Linux 30 s, RFC 8200 60 s) only lets 16-bit identifications
// come round and meet what is left of an old datagram (RFC 4963).
inline constexpr std::uint32_t fragment_seconds = 5;

// TTL or hop limit that a client's segment must still have. Nobody's is that low by chance (systems
// start at 64 or more, paths have at most about 30 routers); a segment that dies on its way to the
// storage is inspected in vain. Raising it instead would make frames in a routing loop immortal.
inline constexpr std::uint8_t hop_limit_least = 4;

// Of a body whose rest nobody needs: a range shorter than the least is not worth two calls into the
// kernel, nor the round trip until it begins. Sequence numbers tell old from new over 2 GiB, with a
// window of 1 GiB in it. The end of the body stays outside, so that its last segments come whole.
inline constexpr std::uint64_t shunt_bytes_min = 1u << 20;
inline constexpr std::uint64_t shunt_bytes_max = 1u << 30;
inline constexpr std::uint64_t shunt_margin_bytes = 4096;

inline constexpr std::uint32_t flows_max = 131072;
inline constexpr std::uint32_t flow_bytes_max = 512;
// Beside them its entry in the table: the key with its links, and one or two buckets.
inline constexpr std::uint32_t flow_entry_bytes = 72;
// Handshakes that nobody has completed may push idle flows out of the table until they are this
// part of it; from then on they push out each other. At 100,000 SYN/s that part of the default
// table holds a handshake for 160 ms, longer than a client within a continent needs to complete it.
inline constexpr std::uint32_t embryonic_share = 8;

// Messages (a head, its object, its digests) in progress at once in a worker. A flow between two
// requests holds none.
inline constexpr std::uint32_t messages_max = 4096;
// With all messages taken, those that moved fewer bytes a second than this for longer than a
// client's pauses last are ended (408, 503): to hold them all costs an attacker 8 MB/s. The slowest
// networks in use (EDGE) give ten times as much.
inline constexpr std::uint64_t slow_bytes_per_s = 2048;

// nginx accepts 32 KiB of head in all, Apache 8 KiB a line; uploads seen in the field stay below
// 4 KiB (S3 presigned and tokens). Beyond: 431.
inline constexpr std::size_t head_bytes_max = 16 * 1024;
inline constexpr std::size_t headers_max = 128;
inline constexpr std::size_t proxy_header_bytes_max = 536;  // PROXY v2 with TLVs, one segment

// Requests whose answer has not come, on one connection; the next waits. Never seen in uploads.
inline constexpr std::size_t pipeline_max = 16;

// Chunk framing: 16 hex digits are 64 bits; extensions and trailers have no use in uploads but
// signatures, which are short.
inline constexpr std::size_t chunk_line_bytes_max = 1024;
inline constexpr std::size_t trailer_bytes_max = 8 * 1024;

// multipart bodies. RFC 2046 §5.1.1 ends a boundary at 70 characters; a few libraries make longer
// ones. The head of a part has three short fields; file systems end names at 255 characters.
inline constexpr std::size_t form_boundary_bytes_max = 200;
inline constexpr std::size_t form_head_bytes_max = 4 * 1024;
inline constexpr std::size_t form_field_name_bytes_max = 128;
inline constexpr std::size_t form_file_name_bytes_max = 512;
// A part without a file name and no longer than this is a plain field and no object: a picture that
// shows something does not fit (the smallest JPEG has 125 bytes), and forms are full of them.
inline constexpr std::size_t form_field_bytes_max = 64;
// A field that names the file of a chunk: identifiers of libraries are a UUID, or the size with the
// file's relative path; file systems end names at 255 bytes, so two with directories.
inline constexpr std::size_t form_identity_bytes_max = 512;
// Lists in a commit: what the services allow (S3 10,000 parts, Azure 50,000 blocks, Swift 1,000
// segments, Google 32 components), and a value as long as an object's name, percent-coded.
inline constexpr std::uint32_t commit_parts_max = 10000;
inline constexpr std::uint32_t commit_blocks_max = 50000;
inline constexpr std::uint32_t commit_segments_max = 1000;
inline constexpr std::uint32_t commit_components_max = 32;
inline constexpr std::size_t commit_value_bytes_max = 3 * 1024;
inline constexpr std::size_t commit_depth_max = 8;
// Objects that one message has open at once: raw, decoded payload, two codings, a part, a nested
// part, its decoded text, and beside these a member for each archive that is open.
inline constexpr std::uint32_t form_objects_max = 8;
inline constexpr std::size_t objects_per_message_max = 16;
// Base64 in a body, a JSON string or a form's value is believed after so many characters of nothing
// else: no digest, identifier or name in hex or base64 is that long (SHA-512 in hex: 128), and what
// is shorter holds no picture (the smallest JPEG makes 168). Lines of base64 have 60 and more;
// lists of words, which use the same letters, have short ones.
inline constexpr std::size_t text_probe_chars = 160;
inline constexpr std::size_t text_line_chars_min = 16;
// Between "data:" and its comma: a media type with parameters, a file name among them.
inline constexpr std::size_t text_url_head_chars_max = 256;
// Content codings of one request: nobody needs more than one, tests of filters use two.
inline constexpr std::size_t codings_max = 2;
// Memory of their decoders. zlib takes 40 KiB; zstd and brotli a window (8 MiB is what the RFCs ask
// of a recipient, RFC 8878 §3.1.1.1.2) and tables. Untouched blocks cost nothing.
inline constexpr std::size_t coding_small_bytes = 48 * 1024;
inline constexpr std::size_t coding_large_bytes = 10u << 20;
inline constexpr std::size_t coding_window_max = 8u << 20;
inline constexpr std::uint32_t coding_small_blocks = 512;
inline constexpr std::uint32_t coding_large_blocks = 8;
// An error among the first bytes says that a body only claims its coding.
inline constexpr std::uint64_t coding_probe_bytes = 64;
// What may come out for each byte that went in, beside some for nothing: all that deflate can, 1032
// (disk images and logs of one line come near), and what its reader holds at a moment. Of zstd and
// brotli, which reach a hundred thousand, only bombs have more.
inline constexpr std::uint64_t coding_free_bytes = 1u << 20;
inline constexpr std::uint64_t coding_ratio_max = 1100;
// What a worker unpacks in one turn, over all its flows: 8 ms with three digests of it. A turn may
// end with what the last segment holds, which is less than that again.
inline constexpr std::size_t unpack_turn_bytes = 4u << 20;
// What decoders hand on: 4 KiB for each stage of a chain, large enough that the calls do not count,
// and all of them in the second-level cache.
inline constexpr std::size_t decode_run_bytes = 64 * 1024;

// Archives in archives: a backup of a container image with packages in it has three. Compressed
// single files (gzip, zstd) around and between them do not count as such, but they end too.
inline constexpr std::size_t archive_depth_max = 3;
inline constexpr std::size_t archive_wrappers_max = 3;
// The largest source trees and mail stores have 100,000 to 200,000 files. A member costs a look-up,
// and in coded tar no more than a few bytes.
inline constexpr std::uint32_t archive_members_max = 1u << 18;
// Path of a member; what is longer (4096 on Linux) is cut in records, where it is an indication.
inline constexpr std::size_t archive_name_bytes_max = 1024;
// Bytes that come out of coded members and archives for each that went in, beside the free ones:
// one bound for all of a message, however its archives are nested.
inline constexpr std::uint64_t archive_ratio_max = coding_ratio_max;
inline constexpr std::uint64_t archive_free_bytes = 4 * coding_free_bytes;
// Stages that take archives apart, in all messages of a worker.
inline constexpr std::uint32_t archive_stages = 1024;

// Uploads in pieces that are followed at once, by all workers: each takes 5 KiB when it is used,
// its pieces 128 B. S3 has 10,000 parts in the largest upload, 2 to 100 in a usual one.
inline constexpr std::uint32_t assemblies_max = 8192;
inline constexpr std::uint32_t assembly_pieces_each = 32;
inline constexpr std::uint32_t assembly_pieces_least = 16 * 1024;
// Of what came before its predecessor: the SDKs send up to ten parts of 8 MiB at once, of which all
// but one wait here. No upload has more of it than it leaves to the others.
inline constexpr std::uint64_t spool_bytes_max = 256ull << 20;
// Leaves of tree fingerprints that pieces have: 32 B for each MiB, in blocks of eight. As many are
// under way at once as 64 uploads of 8 GiB have; pieces without are judged as if no list had trees.
inline constexpr std::uint32_t assembly_leaves_max = 512 * 1024;
// Objects that came lately, whose leaves are kept in case a storage is told to copy ranges of them:
// each takes 150 B, and its leaves what uploads under way leave, half of all at most.
inline constexpr std::uint32_t assembly_sources_max = 8192;
// For so long an upload of which nobody saw the answer may still take the place of a later one.
inline constexpr std::uint32_t assembly_source_doubt_seconds = 60;
// Of the lists of commits under way: 80 KB for the 10,000 parts that S3 allows, 400 KB for 50,000
// blocks of Azure.
inline constexpr std::uint64_t assembly_list_bytes_max = 8ull << 20;
// A part of a form, or the first bytes of an upload, whose place is told behind them: uploaders in
// browsers send chunks of 1 to 10 MiB.
inline constexpr std::uint64_t aside_bytes_max = 16ull << 20;
// A commit waits for pieces that are on their way, and for whoever hashes what is spooled.
inline constexpr std::uint32_t assembly_wait_seconds = 10;
// How long an upload may pause between two of its pieces. Clients that lost their connection come
// back within minutes, users within the hour.
inline constexpr std::uint32_t assembly_seconds = 3600;
// Of a piece in a session, what stays until it is answered: when it breaks off the client goes on
// where the storage says, below what was sent by what was lost in buffers (6 MiB in a Linux socket
// at most; what is below starts the upload anew).
inline constexpr std::uint64_t assembly_trail_bytes = 4ull << 20;
// Of an object written in place with gaps, which a storage fills with zeros: in one gap, hashed in
// front of the piece behind it (a millisecond). In all gaps before a piece that goes in steps,
// hashed a part each turn: clients have up to eight ranges of 8 MiB under way.
inline constexpr std::uint64_t assembly_gap_bytes = 1 << 20;
inline constexpr std::uint64_t assembly_far_gap_bytes = 64ull << 20;
// Of such a piece, what is enough for a step while more comes: less than a flow may keep.
inline constexpr std::uint64_t assembly_step_bytes = 128 * 1024;
// Commits that name their pieces, under way at once in a worker: each has 20 KiB of text, and is
// over when its few kilobytes are there.
inline constexpr std::uint32_t commit_lists_max = 256;
// Of uploads in pieces that hold an archive, or a text, one for so many is taken apart at once by
// all workers (256 by default); each takes 100 to 600 KiB when it is used, with the copy that it
// goes back to. Deflate and gzip in three archives that are in one another and a wrapper around
// them need four blocks. Windows of zstd are few, as those of messages.
inline constexpr std::uint32_t assembly_readers_share = 32;
inline constexpr std::uint32_t assembly_readers_least = 16;
inline constexpr std::uint32_t reader_blocks = 4;
inline constexpr std::uint32_t reader_windows = 8;
// Of names that are kept for a record: what a record holds of a member's path.
inline constexpr std::size_t assembly_name_bytes = 256;
// Pieces with an offset that may stand behind a hole: each is compared with what fills it.
inline constexpr std::uint32_t assembly_ahead_max = 256;

// Holes in one direction of a flow. The largest window that a flow may keep (4096 segments) has 123
// at 3 % loss; to drop what one more hole brings would double the loss just then. Each costs a
// block at most, so all of them 384 KiB of the flow's share.
inline constexpr std::size_t gaps_max = 192;

// Kept bytes: forwarded but not acknowledged. A flow may keep a large window (8 MiB at 20 ms is
// 3.3 Gbit/s); all flows of a worker share one pool. A quarter of it is for all messages in equal
// parts: by default two segments, that each may have under way whatever the others keep (it is the
// storage that acknowledges them, within a millisecond). Behind holes no more than half is kept.
inline constexpr std::uint32_t kept_bytes_flow_max = 8u << 20;
inline constexpr std::uint64_t kept_bytes_worker_max = 64ull << 20;
inline constexpr std::size_t kept_block_bytes = 2048;

// Frames that wait as the held tail of a flow, an eighth of a port's buffers by default. Further
// tails are built from the kept bytes when they go.
inline constexpr std::uint32_t held_frames_max = 1024;

inline constexpr std::uint32_t tail_release_us = 500;
inline constexpr std::uint32_t journal_ms_max = 2000;
inline constexpr std::uint32_t drain_bytes_max = 64u << 20;
inline constexpr std::uint32_t heartbeat_ms_max = 200;
inline constexpr std::uint32_t absorb_seconds = 60;
inline constexpr std::uint32_t mbufs_per_port = 8192;

// Test vectors of which a worker makes a record: anybody has one, so that a flood of them must not
// become one of records. A canary of each service needs less.
inline constexpr std::uint32_t test_records_burst = 128;
inline constexpr std::uint32_t test_record_every_ms = 1000;

// Of an object, to tell its type by: one block of a tar, and three packets of an MPEG stream. They
// are gathered only where the first segment brings fewer.
inline constexpr std::size_t type_head_bytes = 512;
inline constexpr std::size_t type_databases_bytes_max = 1u << 20;  // what tells them: 270 KiB

// Pattern indicators of a section. A longer text makes no better pattern (URLs of lists stay below
// 300 bytes), a shorter one matches by chance. 16384 literal URLs compile in 0.4 s to 3.3 MB and
// 3 KiB of state for each text that is scanned; expressions that need more are refused.
inline constexpr std::uint32_t patterns_max = 16384;
inline constexpr std::size_t pattern_bytes_min = 6;
inline constexpr std::size_t pattern_bytes_max = 512;
inline constexpr std::uint64_t pattern_database_bytes_max = 64u << 20;
inline constexpr std::size_t pattern_state_bytes_max = 16u << 10;
// Texts under way in a worker that are scanned at once: twice as many as messages by default, since
// a form and a part of it may both be texts. Beyond, they are not scanned, and counted.
inline constexpr std::uint32_t pattern_streams_max = 8192;
inline constexpr std::size_t pattern_streams_bytes_max = 16u << 20;

// Of a path or name that is searched for patterns when percent-encoding is undone.
inline constexpr std::size_t name_search_bytes_max = 2048;

inline constexpr std::size_t frame_bytes_max = 9216;
inline constexpr std::size_t sections_max = 8;

}  // namespace cordon::limits
