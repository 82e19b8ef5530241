// Writes a packed file.
#pragma once

#include "autosampling/base/files.hpp"
#include "autosampling/base/hdf5_handle.hpp"

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace autosampling::detail {

// The packed file while it is written, under its temporary name; what isn't committed is removed. All functions throw
// Error(failure).
class PackWriter {
  public:
    explicit PackWriter(std::filesystem::path path);
    ~PackWriter();
    PackWriter(const PackWriter&) = delete;
    PackWriter& operator=(const PackWriter&) = delete;

    // At a place in `bytes`. Any thread.
    void write_bytes(std::uint64_t at, std::span<const std::uint8_t> bytes) const;

    // Of the other datasets, when all bytes are written: there are so many.
    void begin_index(std::uint64_t bytes);
    template<class T>
    void write(const char* name, hid_t type, const std::vector<T>& values) const;
    void write(const char* name, const std::vector<std::string>& values) const;
    void write_attribute(const char* name, const std::string& value) const;

    void commit();

  private:
    [[noreturn]] void fail(const std::string& cause) const;
    template<class Id>
    Id check(Id result) const {
        if (result < 0) fail(hdf5_words());
        return result;
    }

    std::filesystem::path path_, name_;
    std::uint64_t end_ = 0; // of the images, in the file
    NewFile new_file_;
    Hdf5Handle<H5Fclose> file_;
    int descriptor_ = -1;
};

} // namespace autosampling::detail
