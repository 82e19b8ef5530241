// A file's bytes, unpacked on the way where it is compressed.
#pragma once

#include <boost/crc.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

struct archive;

namespace autosampling::detail {

// Reads plain, gzip, bzip2, xz and zstd files, told apart by content. Offsets are those of the unpacked bytes.
// All functions throw Error(data) that names the file and the offset.
class CompressedFile {
  public:
    explicit CompressedFile(std::filesystem::path path);

    // Fills `out` as far as the file goes; returns the number of bytes. Fewer than out.size() only at the end.
    std::size_t read(std::span<std::byte> out);

    // Length of the whole file: from the file system where it is plain, else by reading on, but not past limit + 1
    // bytes.
    std::uint64_t length(std::uint64_t limit);

    std::uint64_t offset() const { return offset_; } // of the next byte
    bool is_plain() const { return plain_; }
    const std::filesystem::path& path() const { return path_; }

    // Error(data): "PATH: found `found` at offset O, expected `expected`: suggestion".
    [[noreturn]] void refuse(std::uint64_t at, const std::string& found, const std::string& expected) const;

  private:
    struct Close {
        void operator()(archive* handle) const noexcept;
    };
    [[noreturn]] void refuse_unreadable() const;
    void check_end() const;
    void check_gzip_sum(std::int64_t end) const;

    std::filesystem::path path_;
    std::unique_ptr<archive, Close> archive_;
    std::uint64_t offset_ = 0;
    bool plain_ = true;
    bool gzip_ = false;
    bool at_end_ = false;
    boost::crc_32_type crc_; // of the unpacked bytes
};

} // namespace autosampling::detail
