// The validated settings of the dataplane: what cordond compiles from the TOML file, and what the
// dataplane reads at its start, so that it starts as last approved even when cordond is dead.
//
//   file:  OptionsHeader {magic, version, size, XXH3-128 of what follows} | Options
//
// Owns:       nothing; plain fixed-size structs, little endian, no pointers.
// Invariants: strings are NUL-terminated; counts are within their arrays (checked by read_options).
#pragma once

#include <cstdint>
#include <type_traits>

namespace cordon {

inline constexpr std::uint32_t options_magic = 0x504f4443;  // "CDOP"
inline constexpr std::uint32_t options_version = 6;

enum class ServiceMode : std::uint8_t { enforce, observe, bypass };
enum class FailMode : std::uint8_t { open, closed };
enum class ProxyProtocol : std::uint8_t { off, accept, require };
enum class ClientFrom : std::uint8_t { peer, proxy, header };
enum class AccountFrom : std::uint8_t { none, s3_access_key, basic_user, header };

// What mode enforce does with a connection that cannot be inspected. `pass` forwards it, counted
// as uninspected; `reset` sends RSTs to both ends; `refuse` answers the client in HTTP (503, or 400
// and 431 where the request is at fault) and resets the storage. `retire` lets the message under
// way pass and closes the connection at its first quiet moment.
enum class UninspectedAction : std::uint8_t { pass, reset, refuse };
enum class MidstreamAction : std::uint8_t { retire, pass, reset, refuse };

// By what an object is told before its end to be none of the listed ones, so that it is not hashed.
// `head`: by its first bytes, and by being larger than all. `size`: also by the size that the
// client declares.
enum class DismissBy : std::uint8_t { off, head, size };
// Whether a zip is looked for in an upload that is no archive by its first bytes.
enum class EmbeddedArchives : std::uint8_t { search, ignore };

// What the index lies in. `huge`: in huge pages that the machine has reserved; without enough of
// them the kernel is asked to make some where it can. `plain`: in pages like any other. Either way
// all of it is there, and locked, before it is in force.
enum class IndexPages : std::uint8_t { huge, plain };

enum class AnswerText : std::uint8_t { explain, neutral };
enum class Profile : std::uint8_t { voluntary, detection_order, removal_only };
enum class PortKind : std::uint8_t { af_xdp, af_packet, pci };
enum class Polling : std::uint8_t { adaptive, busy };

// IPv6, or IPv4 as ::ffff:a.b.c.d; bits counts from the left of all 128.
struct AddressPrefix {
    std::uint8_t address[16];
    std::uint8_t bits;
    std::uint8_t reserved[7];
};

struct ServiceOptions {
    char name[32];
    AddressPrefix prefix;
    std::uint16_t port;
    std::int16_t vlan;  // −1: any, else the outermost VLAN id
    ServiceMode mode;
    FailMode fail;
    MidstreamAction on_midstream;  // and connections of which one direction passes here
    ProxyProtocol proxy_protocol;
    ClientFrom client_from;
    AccountFrom account_from;
    UninspectedAction on_tls;
    UninspectedAction on_unparsable;  // not HTTP, or framing in doubt
    std::uint8_t allow_upgrade;       // 101 and CONNECT 2xx pass
    std::uint8_t trusted_hop_count;
    std::uint8_t weak_blocks;  // MD5 or SHA-1 alone may block
    UninspectedAction on_limit;
    char client_header[64];         // for ClientFrom::header
    char account_header[64];        // for AccountFrom::header
    AddressPrefix trusted_hops[8];  // peers whose PROXY line or header is believed
    std::uint64_t bypass_until_s;   // Unix seconds, with mode bypass
    char swift[64];  // path of the storage's Swift API, where the verifier can find its objects
    // Where the names of the storage have bucket or account: "path", or the name below which they
    // stand in the host. With it what the storage copies is known by the name of its source.
    char copy_sources[64];
    std::uint8_t verify;  // what cannot be judged in flight is judged on the storage
    DismissBy dismiss;
    EmbeddedArchives embedded_archives;
    std::uint8_t reserved[5];
};

inline constexpr std::uint32_t services_max = 64;

struct Options {
    // identity and texts of the answer
    char node_prefix[8];  // first letters of every case number
    char operator_name[128];
    char complaint_url[256];
    char contact[128];
    char legal_basis[128];
    Profile profile;
    AnswerText answer_text;
    std::uint8_t lab;  // accepts indices built by hand; everything says LAB
    PortKind port_kind;
    Polling polling;
    std::uint8_t link_propagation;  // a port without link takes the other one down
    IndexPages index_pages;
    std::uint8_t reserved[1];

    // ports and places
    char client_port[64];  // interface name or PCI address
    char storage_port[64];
    char state_dir[192];     // journal, this file
    char run_dir[192];       // sockets
    char bpf_dir[192];       // bpffs mount with our pins
    char steer_object[192];  // steer.bpf.o
    char index_path[192];    // indicator index in force

    // limits (dataplane/base/limits.h has the reason for each default)
    std::uint32_t workers;
    std::uint32_t flows_max;              // of a worker
    std::uint32_t messages_max;           // of a worker
    std::uint32_t kept_bytes_flow_max;    //
    std::uint64_t kept_bytes_worker_max;  //
    std::uint32_t tail_release_us;        // a rolling tail waits this long for its next byte
    std::uint32_t journal_ms_max;         // for a durable record
    std::uint32_t drain_bytes_max;        // of a client that was refused
    std::uint32_t heartbeat_ms_max;       // XDP: older is hung
    std::uint32_t absorb_seconds;         // a blocked flow stays this long
    std::uint32_t mbufs_per_port;         //
    std::uint64_t spool_bytes_max;        // of pieces of uploads that came too early
    std::uint32_t assemblies_max;         // uploads in pieces, of all workers
    std::uint32_t assembly_seconds;       // between two pieces of one
    std::uint64_t policy_generation;      // counts approved configurations

    std::uint32_t service_count;
    std::uint32_t reserved2;
    ServiceOptions services[services_max];
};

struct OptionsHeader {
    std::uint32_t magic;
    std::uint32_t version;
    std::uint64_t size;         // of Options
    std::uint64_t checksum[2];  // XXH3-128 of Options
};

static_assert(std::is_trivially_copyable_v<Options>);
static_assert(std::has_unique_object_representations_v<Options>);  // no padding in the file
static_assert(sizeof(OptionsHeader) == 32);
static_assert(sizeof(ServiceOptions) % 8 == 0 && sizeof(Options) % 8 == 0);

}  // namespace cordon
