// The arrays of a user's HDF5 file, read in pieces.
#pragma once

#include "autosampling/base/hdf5_handle.hpp"
#include "crash_guard.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace autosampling::detail {

// One array of a file, contiguous, chunked or compressed.
struct Array {
    std::string name;
    Hdf5Dataset dataset;
    std::vector<hsize_t> shape; // rows first
    H5T_class_t kind = H5T_NO_CLASS;
    bool is_bytes = false; // unsigned whole numbers of 8 bits

    std::uint64_t rows() const { return shape.front(); }
    std::uint64_t row_values() const; // numbers in a row
};

// All functions throw Error(data) that names the file; a crash of HDF5 ends the process with that exit code.
class ArrayFile {
  public:
    // `option`: that names the file. Throws Error(data).
    explicit ArrayFile(std::filesystem::path path, const char* option = "data.path");

    bool has(const std::string& name) const; // also of a path, GROUP/NAME
    Array array(const std::string& name) const;
    std::vector<std::string> strings(const std::string& name) const;

    // Reads all rows as uint8, int64, uint64, float or double, to which HDF5 converts, and calls look(first, values)
    // for each piece, which begins with row `first`. They go into `out`, or, where it is empty, nowhere.
    template<class T>
    void read(const Array& array, std::span<T> out,
              const std::function<void(std::uint64_t first, std::span<const T> values)>& look) const;

    // Error(data): "PATH: `what`: `suggestion`".
    [[noreturn]] void refuse(const std::string& what, const std::string& suggestion) const;

  private:
    H5I_type_t kind_of(const std::string& name) const;
    void check_storage(const Array& array, std::size_t value_bytes) const;
    template<class Id>
    Id check(Id result, const std::string& action) const;

    std::filesystem::path path_;
    CrashGuard guard_;
    Hdf5Handle<H5Fclose> file_;
};

} // namespace autosampling::detail
