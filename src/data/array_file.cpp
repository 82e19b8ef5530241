#include "array_file.hpp"

#include "autosampling/base/error.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <numeric>
#include <system_error>
#include <type_traits>

#include <nlohmann/json.hpp>

namespace autosampling::detail {

namespace {

constexpr std::uint64_t piece_bytes = 16 << 20;
constexpr double most_bytes = 1e18;           // that products of lengths may come to
constexpr std::size_t cache_bytes = 64 << 20; // holds a row of chunks, so that none is unpacked twice

template<class T>
hid_t native_type() {
    if constexpr (std::is_same_v<T, std::uint8_t>) return H5T_NATIVE_UINT8;
    if constexpr (std::is_same_v<T, std::int64_t>) return H5T_NATIVE_INT64;
    if constexpr (std::is_same_v<T, std::uint64_t>) return H5T_NATIVE_UINT64;
    if constexpr (std::is_same_v<T, float>) return H5T_NATIVE_FLOAT;
    if constexpr (std::is_same_v<T, double>) return H5T_NATIVE_DOUBLE;
}

// Rows that are read at once: whole chunks, about piece_bytes.
std::uint64_t piece_rows(const Array& array, std::size_t row_bytes) {
    const Hdf5Properties properties(H5Dget_create_plist(array.dataset.get()));
    std::vector<hsize_t> chunk(array.shape.size(), 1);
    if (H5Pget_layout(properties.get()) == H5D_CHUNKED)
        H5Pget_chunk(properties.get(), static_cast<int>(chunk.size()), chunk.data());
    const std::uint64_t rows = piece_bytes / std::max<std::size_t>(row_bytes, 1);
    return std::max<std::uint64_t>(rows / chunk.front(), 1) * chunk.front();
}

bool is_utf8(const std::string& value) {
    try {
        (void)nlohmann::json(value).dump();
        return true;
    } catch (const nlohmann::json::type_error&) {
        return false;
    }
}

// A filter that this HDF5 lacks, by name; empty: it has all that the dataset was written with.
std::string missing_filter(hid_t properties) {
    for (int i = 0; i < std::max(H5Pget_nfilters(properties), 0); ++i) {
        std::array<char, 64> name{};
        unsigned flags = 0, configuration = 0;
        std::size_t values = 0;
        const H5Z_filter_t id = H5Pget_filter2(properties, static_cast<unsigned>(i), &flags, &values, nullptr,
                                               name.size() - 1, name.data(), &configuration);
        if (id >= 0 && H5Zfilter_avail(id) <= 0) return name[0] != 0 ? name.data() : text("filter ", id);
    }
    return {};
}

// The file that a dataset is in: an external link leads to another.
std::filesystem::path file_of(hid_t dataset) {
    std::array<char, 4096> name{};
    return H5Fget_name(dataset, name.data(), name.size()) > 0 ? name.data() : "";
}

} // namespace

std::uint64_t Array::row_values() const {
    return std::accumulate(shape.begin() + 1, shape.end(), std::uint64_t{1}, std::multiplies<>());
}

ArrayFile::ArrayFile(std::filesystem::path path, const char* option) : path_(std::move(path)), guard_(path_) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(path_, error))
        refuse(text(std::filesystem::exists(path_, error) ? "is no file but a folder or a device" : "no such file",
                    " (", option, ")"),
               "give an HDF5 file");
    const Hdf5Properties access = hdf5_file_access();
    file_ = Hdf5Handle<H5Fclose>(check(H5Fopen(path_.c_str(), H5F_ACC_RDONLY, access.get()), "opened"));
}

template<class Id>
Id ArrayFile::check(Id result, const std::string& action) const {
    if (result < 0)
        refuse(text("cannot be ", action, " (", hdf5_words(), ")"), "is it a whole HDF5 file? write it again");
    return result;
}

void ArrayFile::refuse(const std::string& what, const std::string& suggestion) const {
    throw Error(ExitCode::data, text(path_.string(), ": ", what, ": ", suggestion));
}

H5I_type_t ArrayFile::kind_of(const std::string& name) const {
    const Hdf5Handle<H5Oclose> object(check(H5Oopen(file_.get(), name.c_str(), H5P_DEFAULT), "searched for " + name));
    return H5Iget_type(object.get());
}

bool ArrayFile::has(const std::string& name) const {
    if (const std::size_t slash = name.rfind('/'); slash != std::string::npos) {
        const std::string group = name.substr(0, slash);
        if (!has(group) || kind_of(group) != H5I_GROUP) return false;
    }
    return check(H5Lexists(file_.get(), name.c_str(), H5P_DEFAULT), "searched for " + name) > 0;
}

Array ArrayFile::array(const std::string& name) const {
    if (!has(name)) refuse("holds no " + name, "it needs x and y, and may have x_test and y_test");
    if (kind_of(name) != H5I_DATASET) refuse(name + " is no array but a group or a type", "write it as a dataset");
    const Hdf5Properties access(H5Pcreate(H5P_DATASET_ACCESS));
    H5Pset_chunk_cache(access.get(), H5D_CHUNK_CACHE_NSLOTS_DEFAULT, cache_bytes, 1);
    Array array;
    array.name = name;
    array.dataset = Hdf5Dataset(check(H5Dopen2(file_.get(), name.c_str(), access.get()), "searched for " + name));
    const Hdf5Space space(check(H5Dget_space(array.dataset.get()), "read at " + name));
    array.shape.resize(static_cast<std::size_t>(std::max(H5Sget_simple_extent_ndims(space.get()), 0)));
    H5Sget_simple_extent_dims(space.get(), array.shape.data(), nullptr);
    if (array.shape.empty()) refuse(name + " is a single value", "give an array, a row an example");
    const Hdf5Type type(check(H5Dget_type(array.dataset.get()), "read at " + name));
    array.kind = H5Tget_class(type.get());
    check_storage(array, H5Tget_size(type.get()));
    array.is_bytes =
        array.kind == H5T_INTEGER && H5Tget_size(type.get()) == 1 && H5Tget_sign(type.get()) == H5T_SGN_NONE;
    return array;
}

// Damage may have made the array any size: what it is said to hold must be in the file.
void ArrayFile::check_storage(const Array& array, std::size_t value_bytes) const {
    const Hdf5Properties properties(check(H5Dget_create_plist(array.dataset.get()), "read at " + array.name));
    const H5D_layout_t layout = H5Pget_layout(properties.get());
    const bool in_file = layout == H5D_CONTIGUOUS && H5Pget_external_count(properties.get()) == 0;
    H5D_space_status_t status = H5D_SPACE_STATUS_ALLOCATED;
    check(H5Dget_space_status(array.dataset.get(), &status), "read at " + array.name);
    if (in_file && status == H5D_SPACE_STATUS_NOT_ALLOCATED && array.rows() > 0 && array.row_values() > 0)
        refuse(array.name + " was never written", "write all of its rows");
    double bytes = static_cast<double>(value_bytes);
    for (const hsize_t length : array.shape) bytes *= static_cast<double>(length);
    double room = most_bytes;
    if (in_file) room = static_cast<double>(std::filesystem::file_size(file_of(array.dataset.get())));
    // HDF5 reads on behind the bytes that a compact dataset keeps in its description.
    if (layout == H5D_COMPACT) room = static_cast<double>(H5Dget_storage_size(array.dataset.get()));
    if (bytes > room)
        refuse(text(array.name, " has ", array.rows(), " rows, more than the file has room for"),
               "it is cut short or damaged: write it again");
    if (layout == H5D_VIRTUAL)
        refuse(array.name + " is virtual (where a source is missing, HDF5 gives zeros)", "copy it into one dataset");
    if (const std::string filter = missing_filter(properties.get()); !filter.empty())
        refuse(text(array.name, " was written with ", filter, ", which this HDF5 can't read"),
               "write it with gzip, or uncompressed");
#if H5_VERSION_GE(1, 10, 5)
    if (layout != H5D_CHUNKED) return;
    std::vector<hsize_t> chunk(array.shape.size());
    check(H5Pget_chunk(properties.get(), static_cast<int>(chunk.size()), chunk.data()), "read at " + array.name);
    double wanted = 1;
    for (std::size_t i = 0; i < chunk.size(); ++i) {
        const hsize_t along = (array.shape[i] + chunk[i] - 1) / chunk[i];
        wanted *= static_cast<double>(along);
    }
    hsize_t written = 0;
    const Hdf5Space space(check(H5Dget_space(array.dataset.get()), "read at " + array.name));
    check(H5Dget_num_chunks(array.dataset.get(), space.get(), &written), "read at " + array.name);
    if (static_cast<double>(written) < wanted)
        refuse(text(array.name, " has chunks that were never written (", written, " of ", wanted, " are there)"),
               "write all of its rows");
#endif
}

std::vector<std::string> ArrayFile::strings(const std::string& name) const {
    const Array names = array(name);
    if (names.kind != H5T_STRING || names.shape.size() != 1) refuse(name + " is no list of strings", "correct it");
    const Hdf5Type on_file(check(H5Dget_type(names.dataset.get()), "read at " + name));
    std::vector<std::string> values(names.rows());
    if (H5Tis_variable_str(on_file.get()) > 0) {
        const Hdf5Space space(check(H5Dget_space(names.dataset.get()), "read at " + name));
        std::vector<char*> pointers(values.size());
        check(H5Dread(names.dataset.get(), on_file.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()),
              "read at " + name);
        for (std::size_t i = 0; i < values.size(); ++i) values[i] = pointers[i] != nullptr ? pointers[i] : "";
        H5Dvlen_reclaim(on_file.get(), space.get(), H5P_DEFAULT, pointers.data());
    } else {
        const std::size_t length = H5Tget_size(on_file.get());
        std::string all(length * values.size(), '\0');
        check(H5Dread(names.dataset.get(), on_file.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, all.data()),
              "read at " + name);
        for (std::size_t i = 0; i < values.size(); ++i) {
            const std::string padded = all.substr(i * length, length);
            values[i] = padded.substr(0, padded.find('\0'));
        }
    }
    // The record would hold them as they are, and text in it is UTF-8.
    if (const auto bad = std::ranges::find_if_not(values, is_utf8); bad != values.end())
        refuse(text(name, " has a text in row ", bad - values.begin(), " that isn't UTF-8"), "convert it");
    return values;
}

template<class T>
void ArrayFile::read(const Array& array, std::span<T> out,
                     const std::function<void(std::uint64_t, std::span<const T>)>& look) const {
    const std::uint64_t values = array.row_values();
    EXPECT(out.empty() || out.size() == array.rows() * values);
    const std::uint64_t step = piece_rows(array, values * sizeof(T));
    std::vector<T> scratch(out.empty() ? std::min<std::uint64_t>(step, array.rows()) * values : 0);
    const Hdf5Space file_space(check(H5Dget_space(array.dataset.get()), "read at " + array.name));
    std::vector<hsize_t> start(array.shape.size()), count(array.shape.begin(), array.shape.end());
    for (std::uint64_t first = 0; first < array.rows(); first += step) {
        start.front() = first;
        count.front() = std::min(step, array.rows() - first);
        const hsize_t length = count.front() * values;
        // In the same shape: HDF5 goes by element where the two differ.
        const Hdf5Space memory_space(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr));
        H5Sselect_hyperslab(file_space.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr);
        const auto piece = out.empty() ? std::span(scratch).first(length) : out.subspan(first * values, length);
        check(H5Dread(array.dataset.get(), native_type<T>(), memory_space.get(), file_space.get(), H5P_DEFAULT,
                      piece.data()),
              text("read at ", array.name, " from row ", first));
        look(first, piece);
    }
}

template void ArrayFile::read(const Array&, std::span<std::uint8_t>,
                              const std::function<void(std::uint64_t, std::span<const std::uint8_t>)>&) const;
template void ArrayFile::read(const Array&, std::span<std::int64_t>,
                              const std::function<void(std::uint64_t, std::span<const std::int64_t>)>&) const;
template void ArrayFile::read(const Array&, std::span<std::uint64_t>,
                              const std::function<void(std::uint64_t, std::span<const std::uint64_t>)>&) const;
template void ArrayFile::read(const Array&, std::span<float>,
                              const std::function<void(std::uint64_t, std::span<const float>)>&) const;
template void ArrayFile::read(const Array&, std::span<double>,
                              const std::function<void(std::uint64_t, std::span<const double>)>&) const;

} // namespace autosampling::detail
