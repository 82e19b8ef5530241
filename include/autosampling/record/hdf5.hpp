// Files of the record: the few typed calls of HDF5 that it needs. After the start of a run one thread makes all
// HDF5 calls of a process.
#pragma once

#include "autosampling/base/error.hpp"
#include "autosampling/base/files.hpp"
#include "autosampling/base/hdf5_handle.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace autosampling {

// A file is not what was written: cut short, changed, of another type, under another name. Not: it can't be read, or is
// of another version.
class Damaged : public Error {
  public:
    explicit Damaged(const std::string& message) : Error(ExitCode::checkpoint, message) {}
};

// "1.10.8": of the library in use.
std::string hdf5_version();

// What a dataset means. Each dimension has a name, and one length in all of a file: the dataset of that name in the
// root holds its coordinates, or, where there are none, stands for it alone, as in netCDF-4. No names: nothing but a
// length.
struct Hdf5Meaning {
    std::string units; // "1" without a unit
    std::string long_name;
    std::vector<std::string> dimensions;
};

// A file being written (under temporary_name, published by `commit`) or read. Every failed call throws Error with the
// path and HDF5's own words: Error(failure) when writing, Damaged when reading. The file ends with a checksum of
// all of it, which HDF5 does not see: `commit` adds it, `open` refuses a file whose checksum does not hold.
class Hdf5File {
  public:
    static Hdf5File create(const std::filesystem::path& path);
    static Hdf5File open(const std::filesystem::path& path);
    // One that is written to memory alone, and is gone with the object: to know its size.
    static Hdf5File in_memory();

    const std::filesystem::path& path() const noexcept { return path_; }

    // Closes, adds the checksum, forces to disk and gives the file its own name. Without it the destructor removes what
    // was written.
    void commit();
    // Bytes that the file has so far, with the checksum. While it is being written.
    std::int64_t size();

    // Datasets; `name` may hold groups ("split/training"), made as needed. Element types T: uint8, int32, uint32,
    // int64, uint64, float, double. Large ones of whole numbers are packed without loss (H5Pset_scaleoffset).
    template<class T>
    Hdf5Dataset create_dataset(const std::string& name, std::span<const std::uint64_t> shape,
                               const Hdf5Meaning& meaning);
    // How many steps of so many bytes each a chunk holds at most.
    static std::uint64_t chunk_steps(std::uint64_t step_bytes);
    // Whole steps of the first dimension, from step `first` on.
    template<class T>
    void write_steps(const Hdf5Dataset& dataset, std::uint64_t first, std::span<const T> values);
    // Both at once.
    template<class T>
    void write(const std::string& name, std::span<const T> values, std::span<const std::uint64_t> shape,
               const Hdf5Meaning& meaning);
    void write_strings(const std::string& name, std::span<const std::string> values, const Hdf5Meaning& meaning);
    void write_string(const std::string& name, const std::string& value, const Hdf5Meaning& meaning);

    bool has(const std::string& name) const;
    // The names in a group, in the order of the alphabet; none where there is no such group.
    std::vector<std::string> names(const std::string& group) const;
    std::vector<std::uint64_t> shape(const std::string& name) const;
    std::uint64_t steps(const std::string& name) const; // of the first dimension
    // Whether the elements on file are exactly of type T.
    template<class T>
    bool holds(const std::string& name) const;
    template<class T>
    std::vector<T> read(const std::string& name) const;
    // So many steps of the first dimension, from step `first` on.
    template<class T>
    std::vector<T> read_steps(const std::string& name, std::uint64_t first, std::uint64_t steps) const;
    std::vector<std::string> read_strings(const std::string& name) const; // a scalar: one

    // Root attributes; T: int64, uint64, string.
    template<class T>
    void set_attribute(const std::string& name, const T& value);
    template<class T>
    T attribute(const std::string& name) const;
    std::vector<std::string> attribute_names() const;

  private:
    Hdf5File() = default;
    Hdf5File(const std::filesystem::path& path, bool writing);

    template<class Id>
    Id check(Id result, const std::string& action) const;
    Hdf5Dataset create_dataset(const std::string& name, hid_t type, std::span<const std::uint64_t> shape,
                               const Hdf5Meaning& meaning);
    void attach_dimension(const Hdf5Dataset& dataset, const std::string& name, unsigned axis,
                          const std::string& dimension, std::uint64_t length);
    // That which stands for a dimension; made where there is none.
    const Hdf5Dataset& dimension_of(const std::string& name, std::uint64_t length);
    void set_text(hid_t object, const std::string& name, const std::string& value);
    Hdf5Dataset open_dataset(const std::string& name) const;
    std::vector<std::uint64_t> shape(const Hdf5Dataset& dataset) const;
    Hdf5Attribute open_attribute(const std::string& name) const;
    // Steps of a dataset, and the memory that they take. HDF5 goes by element where the two differ in shape.
    struct Steps {
        Hdf5Space file, memory;
    };
    Steps select_steps(const Hdf5Dataset& dataset, std::uint64_t first, std::uint64_t steps) const;
    std::uint64_t elements_a_step(const Hdf5Dataset& dataset) const;
    // How many it has, which the file must have room for: damage may have made it any number.
    std::size_t elements(const Hdf5Dataset& dataset, const std::string& name) const;

    NewFile new_file_; // goes after file_
    Hdf5Handle<H5Fclose> file_;
    std::map<std::string, Hdf5Dataset> dimensions_; // of a file being written, by name
    std::filesystem::path path_;
    bool writing_ = false;
    std::uint64_t file_bytes_ = 0; // of a file that is read
    std::int64_t wanted_ = 0;      // bytes, about, that were to be written
};

} // namespace autosampling
