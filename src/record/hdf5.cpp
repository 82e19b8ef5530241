// Every call of the HDF5 C API for records is made here; the file is long so that no other needs to know it.
#include "autosampling/record/hdf5.hpp"

#include "autosampling/base/bytes.hpp"
#include "checksum.hpp"

#include <hdf5_hl.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <type_traits>

namespace autosampling {
namespace {

constexpr std::uint64_t least_packed = 1 << 16;  // bytes; below, chunks cost more than they save
constexpr std::uint64_t largest_chunk = 1 << 20; // bytes; what HDF5 caches of a dataset by default
constexpr std::uint64_t best_packing = 1100;     // numbers a byte: here 8; in older files, by deflate, 1032

template<class T>
hid_t native_type() {
    if constexpr (std::is_same_v<T, std::uint8_t>) return H5T_NATIVE_UINT8;
    if constexpr (std::is_same_v<T, std::int32_t>) return H5T_NATIVE_INT32;
    if constexpr (std::is_same_v<T, std::uint32_t>) return H5T_NATIVE_UINT32;
    if constexpr (std::is_same_v<T, std::int64_t>) return H5T_NATIVE_INT64;
    if constexpr (std::is_same_v<T, std::uint64_t>) return H5T_NATIVE_UINT64;
    if constexpr (std::is_same_v<T, float>) return H5T_NATIVE_FLOAT;
    if constexpr (std::is_same_v<T, double>) return H5T_NATIVE_DOUBLE;
}

// Variable-length UTF-8.
Hdf5Type string_type() {
    Hdf5Type type(H5Tcopy(H5T_C_S1));
    H5Tset_size(type.get(), H5T_VARIABLE);
    H5Tset_cset(type.get(), H5T_CSET_UTF8);
    return type;
}

template<class Shape>
std::uint64_t product(const Shape& shape) {
    return std::accumulate(shape.begin(), shape.end(), std::uint64_t{1}, std::multiplies<>());
}

// The trailing dimensions whole, as far as a chunk may be large. All chunks alike: the last one is stored whole.
std::vector<hsize_t> chunk_shape(std::span<const std::uint64_t> shape, std::size_t element) {
    std::vector<hsize_t> chunk(shape.begin(), shape.end());
    std::uint64_t bytes = element * product(shape);
    for (hsize_t& length : chunk) {
        const std::uint64_t step = bytes / length;
        const hsize_t most = Hdf5File::chunk_steps(step), pieces = (length + most - 1) / most;
        length = (length + pieces - 1) / pieces;
        bytes = step * length;
    }
    return chunk;
}

} // namespace

std::string hdf5_version() {
    start_hdf5();
    unsigned major = 0, minor = 0, release = 0;
    H5get_libversion(&major, &minor, &release);
    return text(major, ".", minor, ".", release);
}

Hdf5File::Hdf5File(const std::filesystem::path& path, bool writing) : path_(path), writing_(writing) {
    const Hdf5Properties access = hdf5_file_access();
    if (writing) {
        new_file_ = NewFile(path);
        file_ = Hdf5Handle<H5Fclose>(
            check(H5Fcreate(temporary_name(path).c_str(), H5F_ACC_EXCL, H5P_DEFAULT, access.get()), "create"));
    } else {
        verify_checksum(path); // first: HDF5 1.10 can crash on a damaged file
        file_bytes_ = std::filesystem::file_size(path);
        file_ = Hdf5Handle<H5Fclose>(check(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()), "open"));
    }
}

Hdf5File Hdf5File::in_memory() {
    const Hdf5Properties access = hdf5_file_access();
    H5Pset_fapl_core(access.get(), 1 << 20, false);
    Hdf5File file;
    file.path_ = "a file in memory";
    file.writing_ = true;
    file.file_ = Hdf5Handle<H5Fclose>(
        file.check(H5Fcreate(file.path_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get()), "create"));
    return file;
}

std::int64_t Hdf5File::size() {
    check(H5Fflush(file_.get(), H5F_SCOPE_GLOBAL), "write");
    return check(H5Fget_file_image(file_.get(), nullptr, 0), "measure") + static_cast<std::int64_t>(checksum_size);
}

Hdf5File Hdf5File::create(const std::filesystem::path& path) {
    return Hdf5File(path, true);
}
Hdf5File Hdf5File::open(const std::filesystem::path& path) {
    return Hdf5File(path, false);
}

template<class Id>
Id Hdf5File::check(Id result, const std::string& action) const {
    if (result >= 0) return result;
    const std::string problem = text("cannot ", action, " ", path_.string(), " (", hdf5_words());
    if (!writing_) throw Damaged(problem + "): the file is damaged or no record of this program");
    throw Error(ExitCode::failure,
                text(problem, "; ", room_text(path_, wanted_), "): check the disk, its quota and its permissions"));
}

void Hdf5File::commit() {
    EXPECT(writing_);
    wanted_ = H5Fget_file_image(file_.get(), nullptr, 0);
    check(H5Fflush(file_.get(), H5F_SCOPE_GLOBAL), "write");
    dimensions_.clear();
    check(H5Fclose(file_.release()), "close");
    append_checksum(temporary_name(path_));
    new_file_.publish();
}

Hdf5Dataset Hdf5File::create_dataset(const std::string& name, hid_t type, std::span<const std::uint64_t> shape,
                                     const Hdf5Meaning& meaning) {
    const std::vector<hsize_t> lengths(shape.begin(), shape.end());
    const Hdf5Space space(check(shape.empty()
                                    ? H5Screate(H5S_SCALAR)
                                    : H5Screate_simple(static_cast<int>(shape.size()), lengths.data(), nullptr),
                                "shape " + name + " in"));
    const Hdf5Properties links(H5Pcreate(H5P_LINK_CREATE));
    H5Pset_create_intermediate_group(links.get(), 1);
    const Hdf5Properties layout(H5Pcreate(H5P_DATASET_CREATE));
    if (H5Tget_class(type) == H5T_INTEGER && H5Tget_size(type) * product(shape) >= least_packed) {
        const std::vector<hsize_t> chunk = chunk_shape(shape, H5Tget_size(type));
        H5Pset_chunk(layout.get(), static_cast<int>(chunk.size()), chunk.data());
        check(H5Pset_scaleoffset(layout.get(), H5Z_SO_INT, H5Z_SO_INT_MINBITS_DEFAULT), "pack " + name + " in");
    }
    Hdf5Dataset dataset(
        check(H5Dcreate2(file_.get(), name.c_str(), type, space.get(), links.get(), layout.get(), H5P_DEFAULT),
              "make " + name + " in"));
    set_text(dataset.get(), "units", meaning.units);
    set_text(dataset.get(), "long_name", meaning.long_name);
    EXPECT(meaning.dimensions.empty() || meaning.dimensions.size() == shape.size());
    for (unsigned axis = 0; axis < meaning.dimensions.size(); ++axis)
        attach_dimension(dataset, name, axis, meaning.dimensions[axis], shape[axis]);
    return dataset;
}

void Hdf5File::attach_dimension(const Hdf5Dataset& dataset, const std::string& name, unsigned axis,
                                const std::string& dimension, std::uint64_t length) {
    const std::string action = "name the dimensions of " + name + " in";
    if (dimension == name) {
        check(H5DSset_scale(dataset.get(), name.c_str()), action);
        return;
    }
    check(H5DSattach_scale(dataset.get(), dimension_of(dimension, length).get(), axis), action);
}

const Hdf5Dataset& Hdf5File::dimension_of(const std::string& name, std::uint64_t length) {
    Hdf5Dataset& scale = dimensions_[name];
    if (scale.get() < 0 && has(name)) scale = open_dataset(name);
    if (scale.get() < 0) { // a dimension without coordinates, as netCDF-4 writes it: no element is ever stored
        const std::string width = std::to_string(length);
        const hsize_t extent = length;
        const Hdf5Space space(H5Screate_simple(1, &extent, nullptr));
        scale = Hdf5Dataset(check(
            H5Dcreate2(file_.get(), name.c_str(), H5T_IEEE_F32BE, space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
            "make " + name + " in"));
        const std::string label = "This is a netCDF dimension but not a netCDF variable." +
                                  std::string(10 - std::min<std::size_t>(10, width.size()), ' ') + width;
        check(H5DSset_scale(scale.get(), label.c_str()), "make " + name + " in");
    }
    EXPECT(shape(scale) == std::vector<std::uint64_t>{length});
    return scale;
}

std::uint64_t Hdf5File::chunk_steps(std::uint64_t step_bytes) {
    return std::max<std::uint64_t>(largest_chunk / std::max<std::uint64_t>(step_bytes, 1), 1);
}

template<class T>
Hdf5Dataset Hdf5File::create_dataset(const std::string& name, std::span<const std::uint64_t> shape,
                                     const Hdf5Meaning& meaning) {
    return create_dataset(name, native_type<T>(), shape, meaning);
}

Hdf5File::Steps Hdf5File::select_steps(const Hdf5Dataset& dataset, std::uint64_t first, std::uint64_t steps) const {
    Hdf5Space space(check(H5Dget_space(dataset.get()), "select steps of a dataset in"));
    const int rank = H5Sget_simple_extent_ndims(space.get());
    std::vector<hsize_t> count(static_cast<std::size_t>(rank)), start(count.size(), 0);
    H5Sget_simple_extent_dims(space.get(), count.data(), nullptr);
    EXPECT(first + steps <= (rank == 0 ? 1 : count[0]));
    if (rank > 0) {
        start[0] = first;
        count[0] = steps;
        check(H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr),
              "select steps of a dataset in");
    }
    Hdf5Space memory(check(H5Screate_simple(rank, count.data(), nullptr), "select steps of a dataset in"));
    return {std::move(space), std::move(memory)};
}

template<class T>
void Hdf5File::write_steps(const Hdf5Dataset& dataset, std::uint64_t first, std::span<const T> values) {
    if (values.empty()) return;
    const std::uint64_t step = elements_a_step(dataset);
    EXPECT(values.size() % step == 0);
    const Steps selected = select_steps(dataset, first, values.size() / step);
    wanted_ += static_cast<std::int64_t>(values.size_bytes());
    check(H5Dwrite(dataset.get(), native_type<T>(), selected.memory.get(), selected.file.get(), H5P_DEFAULT,
                   values.data()),
          "write to");
}

template<class T>
void Hdf5File::write(const std::string& name, std::span<const T> values, std::span<const std::uint64_t> shape,
                     const Hdf5Meaning& meaning) {
    EXPECT(values.size() == product(shape));
    write_steps(create_dataset<T>(name, shape, meaning), 0, values);
}

void Hdf5File::write_strings(const std::string& name, std::span<const std::string> values, const Hdf5Meaning& meaning) {
    std::vector<const char*> pointers;
    for (const std::string& value : values) pointers.push_back(value.c_str());
    const Hdf5Type type = string_type();
    const std::uint64_t length = values.size();
    const Hdf5Dataset dataset = create_dataset(name, type.get(), std::span(&length, 1), meaning);
    check(H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()), "write " + name + " to");
}

void Hdf5File::write_string(const std::string& name, const std::string& value, const Hdf5Meaning& meaning) {
    const char* pointer = value.c_str();
    const Hdf5Type type = string_type();
    const Hdf5Dataset dataset = create_dataset(name, type.get(), {}, meaning);
    check(H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, &pointer), "write " + name + " to");
}

bool Hdf5File::has(const std::string& name) const {
    for (std::size_t end = name.find('/');; end = name.find('/', end + 1)) {
        if (check(H5Lexists(file_.get(), name.substr(0, end).c_str(), H5P_DEFAULT), "look for " + name + " in") == 0)
            return false;
        if (end == std::string::npos) return true;
    }
}

std::vector<std::string> Hdf5File::names(const std::string& group) const {
    std::vector<std::string> found;
    if (!has(group)) return found;
    const auto add = [](hid_t, const char* name, const H5L_info_t*, void* out) -> herr_t {
        static_cast<std::vector<std::string>*>(out)->emplace_back(name);
        return 0;
    };
    check(H5Literate_by_name(file_.get(), group.c_str(), H5_INDEX_NAME, H5_ITER_INC, nullptr, add, &found, H5P_DEFAULT),
          "list " + group + " in");
    return found;
}

Hdf5Dataset Hdf5File::open_dataset(const std::string& name) const {
    return Hdf5Dataset(check(H5Dopen2(file_.get(), name.c_str(), H5P_DEFAULT), "find " + name + " in"));
}

std::vector<std::uint64_t> Hdf5File::shape(const std::string& name) const {
    return shape(open_dataset(name));
}

std::vector<std::uint64_t> Hdf5File::shape(const Hdf5Dataset& dataset) const {
    const Hdf5Space space(check(H5Dget_space(dataset.get()), "read the shape of a dataset in"));
    std::vector<hsize_t> lengths(static_cast<std::size_t>(H5Sget_simple_extent_ndims(space.get())));
    H5Sget_simple_extent_dims(space.get(), lengths.data(), nullptr);
    return {lengths.begin(), lengths.end()};
}

template<class T>
bool Hdf5File::holds(const std::string& name) const {
    const Hdf5Dataset dataset = open_dataset(name);
    const Hdf5Type type(check(H5Dget_type(dataset.get()), "read the type of " + name + " in"));
    return check(H5Tequal(type.get(), native_type<T>()), "compare the type of " + name + " in") > 0;
}

std::uint64_t Hdf5File::elements_a_step(const Hdf5Dataset& dataset) const {
    const std::vector<std::uint64_t> lengths = shape(dataset);
    return lengths.empty() ? 1 : product(std::span(lengths).subspan(1));
}

std::size_t Hdf5File::elements(const Hdf5Dataset& dataset, const std::string& name) const {
    double count = 1; // HDF5's own number of them, of 64 bits, wraps round
    for (const std::uint64_t length : shape(dataset)) count *= static_cast<double>(length);
    const std::uint64_t stored = std::min<std::uint64_t>(H5Dget_storage_size(dataset.get()), file_bytes_);
    if (count > best_packing * static_cast<double>(stored))
        throw Damaged(text(path_.string(), " is damaged (", name, " has ", count, " elements in ", stored, " bytes)"));
    return static_cast<std::size_t>(count);
}

std::uint64_t Hdf5File::steps(const std::string& name) const {
    const std::vector<std::uint64_t> lengths = shape(name);
    if (lengths.empty() || lengths[0] > elements(open_dataset(name), name))
        throw Damaged(text(path_.string(), " is damaged (", name, " is no table)"));
    return lengths[0];
}

template<class T>
std::vector<T> Hdf5File::read_steps(const std::string& name, std::uint64_t first, std::uint64_t steps) const {
    const Hdf5Dataset dataset = open_dataset(name);
    const std::uint64_t wanted = steps * elements_a_step(dataset);
    if (first + steps > this->steps(name) || wanted > elements(dataset, name))
        throw Damaged(text(path_.string(), " is damaged (", name, " has fewer than ", first + steps, " rows)"));
    std::vector<T> values(wanted);
    const Steps selected = select_steps(dataset, first, steps);
    check(H5Dread(dataset.get(), native_type<T>(), selected.memory.get(), selected.file.get(), H5P_DEFAULT,
                  values.data()),
          "read " + name + " in");
    return values;
}

template<class T>
std::vector<T> Hdf5File::read(const std::string& name) const {
    const Hdf5Dataset dataset = open_dataset(name);
    std::vector<T> values(elements(dataset, name));
    check(H5Dread(dataset.get(), native_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()),
          "read " + name + " in");
    return values;
}

std::vector<std::string> Hdf5File::read_strings(const std::string& name) const {
    const Hdf5Dataset dataset = open_dataset(name);
    std::vector<char*> pointers(elements(dataset, name));
    const Hdf5Type type = string_type();
    const Hdf5Space space(check(H5Dget_space(dataset.get()), "read " + name + " in"));
    check(H5Dread(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()), "read " + name + " in");
    std::vector<std::string> values;
    for (const char* pointer : pointers) values.emplace_back(pointer ? pointer : "");
    H5Dvlen_reclaim(type.get(), space.get(), H5P_DEFAULT, pointers.data());
    return values;
}

void Hdf5File::set_text(hid_t object, const std::string& name, const std::string& value) {
    const Hdf5Type type = string_type();
    const Hdf5Space space(H5Screate(H5S_SCALAR));
    const Hdf5Attribute attribute(check(
        H5Acreate2(object, name.c_str(), type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT), "write " + name + " to"));
    const char* pointer = value.c_str();
    check(H5Awrite(attribute.get(), type.get(), &pointer), "write " + name + " to");
}

template<class T>
void Hdf5File::set_attribute(const std::string& name, const T& value) {
    const Hdf5Space space(H5Screate(H5S_SCALAR));
    const Hdf5Attribute attribute(
        check(H5Acreate2(file_.get(), name.c_str(), native_type<T>(), space.get(), H5P_DEFAULT, H5P_DEFAULT),
              "write " + name + " to"));
    check(H5Awrite(attribute.get(), native_type<T>(), &value), "write " + name + " to");
}
template<>
void Hdf5File::set_attribute(const std::string& name, const std::string& value) {
    set_text(file_.get(), name, value);
}

Hdf5Attribute Hdf5File::open_attribute(const std::string& name) const {
    Hdf5Attribute attribute(check(H5Aopen(file_.get(), name.c_str(), H5P_DEFAULT), "find attribute " + name + " in"));
    const Hdf5Space space(check(H5Aget_space(attribute.get()), "read attribute " + name + " in"));
    if (H5Sget_simple_extent_type(space.get()) != H5S_SCALAR)
        throw Damaged(text(path_.string(), " is damaged (its attribute ", name, " is no single value)"));
    return attribute;
}

template<class T>
T Hdf5File::attribute(const std::string& name) const {
    const Hdf5Attribute attribute = open_attribute(name);
    T value{};
    check(H5Aread(attribute.get(), native_type<T>(), &value), "read attribute " + name + " in");
    return value;
}
template<>
std::string Hdf5File::attribute(const std::string& name) const {
    const Hdf5Attribute attribute = open_attribute(name);
    const Hdf5Type type = string_type();
    char* pointer = nullptr;
    check(H5Aread(attribute.get(), type.get(), &pointer), "read attribute " + name + " in");
    const std::string value = pointer ? pointer : "";
    H5free_memory(pointer);
    return value;
}

std::vector<std::string> Hdf5File::attribute_names() const {
    std::vector<std::string> found;
    const auto add = [](hid_t, const char* name, const H5A_info_t*, void* out) -> herr_t {
        static_cast<std::vector<std::string>*>(out)->emplace_back(name);
        return 0;
    };
    check(H5Aiterate2(file_.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, add, &found), "list the attributes of");
    return found;
}

#define AUTOSAMPLING_INSTANTIATE(T)                                                                                    \
    template Hdf5Dataset Hdf5File::create_dataset<T>(const std::string&, std::span<const std::uint64_t>,               \
                                                     const Hdf5Meaning&);                                              \
    template void Hdf5File::write_steps<T>(const Hdf5Dataset&, std::uint64_t, std::span<const T>);                     \
    template void Hdf5File::write<T>(const std::string&, std::span<const T>, std::span<const std::uint64_t>,           \
                                     const Hdf5Meaning&);                                                              \
    template bool Hdf5File::holds<T>(const std::string&) const;                                                        \
    template std::vector<T> Hdf5File::read<T>(const std::string&) const;                                               \
    template std::vector<T> Hdf5File::read_steps<T>(const std::string&, std::uint64_t, std::uint64_t) const;
AUTOSAMPLING_INSTANTIATE(std::uint8_t)
AUTOSAMPLING_INSTANTIATE(std::int32_t)
AUTOSAMPLING_INSTANTIATE(std::uint32_t)
AUTOSAMPLING_INSTANTIATE(std::int64_t)
AUTOSAMPLING_INSTANTIATE(std::uint64_t)
AUTOSAMPLING_INSTANTIATE(float)
AUTOSAMPLING_INSTANTIATE(double)
#undef AUTOSAMPLING_INSTANTIATE
template void Hdf5File::set_attribute<std::int64_t>(const std::string&, const std::int64_t&);
template void Hdf5File::set_attribute<std::uint64_t>(const std::string&, const std::uint64_t&);
template std::int64_t Hdf5File::attribute<std::int64_t>(const std::string&) const;
template std::uint64_t Hdf5File::attribute<std::uint64_t>(const std::string&) const;

} // namespace autosampling
