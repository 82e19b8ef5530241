// A file in memory, of which all ranks of a node share what is read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

namespace autosampling::detail {

class MappedFile {
  public:
    // Throws Error(data).
    explicit MappedFile(const std::filesystem::path& path);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    std::span<const std::uint8_t> bytes() const { return bytes_; }
    // Lets the system read a piece ahead.
    void expect(std::uint64_t begin, std::uint64_t length) const;

  private:
    std::span<const std::uint8_t> bytes_;
};

} // namespace autosampling::detail
