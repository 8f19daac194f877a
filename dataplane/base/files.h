// The seam to the file system: what journal and its reader need of files, so that tests can record
// every operation and rebuild the directory as a crash would have left it.
//
// Owns:       nothing here; PosixFiles holds no state beside the descriptors it gave out.
// Invariants: every call returns 0 or an errno, and never throws. What was written is durable only
//             after sync(); a name that was made, moved or removed only after sync_directory().
// Thread:     an implementation may be used by several threads; one file by one at a time.
// Limits:     it does I/O and allocates: not for rooms, not for a worker's burst.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/base/bytes.h"

namespace cordon {

using FileHandle = int;
inline constexpr FileHandle no_file = -1;

class Files {
  public:
    virtual ~Files() = default;

    // The parent must exist. EEXIST is no error.
    virtual int make_directory(const std::string& path) = 0;
    virtual int sync_directory(const std::string& path) = 0;
    // The plain names in it, sorted.
    virtual int list(const std::string& path, std::vector<std::string>* names) = 0;

    virtual int create(const std::string& path, FileHandle* file) = 0;  // EEXIST when it is there
    virtual int open(const std::string& path, FileHandle* file) = 0;    // to read and write
    virtual int open_to_read(const std::string& path, FileHandle* file) = 0;
    virtual void close(FileHandle file) = 0;

    // Gives the file `bytes` bytes of zeros that really have their place on the disk.
    virtual int allocate(FileHandle file, std::uint64_t bytes) = 0;
    virtual int size(FileHandle file, std::uint64_t* bytes) = 0;
    virtual int read(FileHandle file, std::uint64_t offset, MutableBytes into,
                     std::size_t* got) = 0;  // fewer only at the end of the file
    virtual int write(FileHandle file, std::uint64_t offset, Bytes bytes) = 0;  // all or an error
    // Content, and what is needed to read it back. Any handle of the file will do.
    virtual int sync(FileHandle file) = 0;

    // Whether the path still leads to this file: ESTALE when another one, or none, is there.
    virtual int is_at(FileHandle file, const std::string& path) = 0;

    virtual int rename(const std::string& from, const std::string& to) = 0;
    virtual int remove(const std::string& path) = 0;
};

class PosixFiles final : public Files {
  public:
    int make_directory(const std::string& path) override;
    int sync_directory(const std::string& path) override;
    int list(const std::string& path, std::vector<std::string>* names) override;
    int create(const std::string& path, FileHandle* file) override;
    int open(const std::string& path, FileHandle* file) override;
    int open_to_read(const std::string& path, FileHandle* file) override;
    void close(FileHandle file) override;
    int allocate(FileHandle file, std::uint64_t bytes) override;
    int size(FileHandle file, std::uint64_t* bytes) override;
    int read(FileHandle file, std::uint64_t offset, MutableBytes into, std::size_t* got) override;
    int write(FileHandle file, std::uint64_t offset, Bytes bytes) override;
    int sync(FileHandle file) override;
    int is_at(FileHandle file, const std::string& path) override;
    int rename(const std::string& from, const std::string& to) override;
    int remove(const std::string& path) override;
};

}  // namespace cordon
