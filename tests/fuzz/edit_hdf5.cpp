#include "fuzz.hpp"

#include "autosampling/base/hdf5_handle.hpp"

#include <array>
#include <vector>

namespace autosampling::fuzz {
namespace {

constexpr std::size_t most_edits = 8;
constexpr std::size_t most_bytes = 1 << 16; // that an edit fills in

// Whether an edit fills in so much. HDF5 1.10 doesn't look: its number of elements, and of bytes, wraps round, so that
// it writes what has no end, or beyond its memory.
bool is_small(hid_t space, std::size_t element) {
    std::array<hsize_t, H5S_MAX_RANK> lengths{};
    const int rank = H5Sget_simple_extent_dims(space, lengths.data(), nullptr);
    double size = static_cast<double>(element);
    for (int axis = 0; axis < rank; ++axis) size *= static_cast<double>(lengths[static_cast<std::size_t>(axis)]);
    return size <= most_bytes;
}

std::vector<std::string> objects(hid_t file) {
    std::vector<std::string> names;
    H5Lvisit(
        file, H5_INDEX_NAME, H5_ITER_INC,
        [](hid_t, const char* name, const H5L_info_t*, void* out) -> herr_t {
            static_cast<std::vector<std::string>*>(out)->emplace_back(name);
            return 0;
        },
        &names);
    return names;
}

std::vector<std::string> attributes(hid_t file) {
    std::vector<std::string> names;
    H5Aiterate2(
        file, H5_INDEX_NAME, H5_ITER_INC, nullptr,
        [](hid_t, const char* name, const H5A_info_t*, void* out) -> herr_t {
            static_cast<std::vector<std::string>*>(out)->emplace_back(name);
            return 0;
        },
        &names);
    return names;
}

// Owned by the caller. Those of strings and of lists too.
hid_t take_type(Bytes& bytes) {
    const std::array plain{H5T_STD_U8LE,  H5T_STD_I8LE,  H5T_STD_U16BE,  H5T_STD_I32LE,  H5T_STD_U32LE,
                           H5T_STD_I64LE, H5T_STD_U64LE, H5T_IEEE_F32LE, H5T_IEEE_F64LE, H5T_NATIVE_LDOUBLE};
    const std::size_t kind = bytes.take<std::uint8_t>() % (plain.size() + 3);
    if (kind < plain.size()) return H5Tcopy(plain[kind]);
    if (kind == plain.size()) return H5Tvlen_create(H5T_STD_I32LE);
    const hid_t text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, kind == plain.size() + 1 ? H5T_VARIABLE : 1 + bytes.take<std::uint8_t>());
    H5Tset_cset(text, H5T_CSET_UTF8);
    return text;
}

// Mostly of a few elements; now and then of lengths that no file has room for.
Hdf5Space take_shape(Bytes& bytes) {
    const int rank = bytes.take<std::uint8_t>() % 5;
    if (rank == 4) return Hdf5Space(H5Screate(H5S_NULL));
    std::array<hsize_t, 4> lengths{};
    for (int axis = 0; axis < rank; ++axis) {
        const auto length = bytes.take<std::uint8_t>();
        lengths[static_cast<std::size_t>(axis)] = length == 255 ? bytes.take<std::uint64_t>() >> 1 : length;
    }
    return Hdf5Space(H5Screate_simple(rank, lengths.data(), nullptr));
}

// As many bytes as the elements have in memory, or none where these are many; of strings, pointers.
std::vector<std::uint8_t> take_content(Bytes& bytes, hid_t type, hid_t space, std::vector<std::string>& texts) {
    const std::size_t size = H5Tget_size(type);
    if (!is_small(space, size)) return {};
    const hssize_t elements = H5Sget_simple_extent_npoints(space);
    std::vector<std::uint8_t> content(static_cast<std::size_t>(elements) * size);
    if (H5Tget_class(type) == H5T_VLEN) return content; // empty lists
    if (H5Tis_variable_str(type) <= 0) {
        const Input some = bytes.take(content.size());
        std::copy(some.begin(), some.end(), content.begin());
        return content;
    }
    for (hssize_t i = 0; i < elements; ++i) {
        const Input some = bytes.take(bytes.take<std::uint8_t>() % 32);
        texts.emplace_back(some.begin(), some.end());
    }
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const char* const pointer = texts[i].c_str();
        std::memcpy(&content[i * size], &pointer, sizeof pointer);
    }
    return content;
}

void make_dataset(hid_t file, const std::string& name, Bytes& bytes) {
    const Hdf5Type type(take_type(bytes));
    const Hdf5Space space = take_shape(bytes);
    const Hdf5Properties layout(H5Pcreate(H5P_DATASET_CREATE));
    const int rank = H5Sget_simple_extent_ndims(space.get());
    const auto filter = static_cast<std::uint8_t>(rank > 0 ? bytes.take<std::uint8_t>() % 4 : 0);
    if (filter % 2 == 1) {
        std::array<hsize_t, 4> chunk{};
        for (int axis = 0; axis < rank; ++axis) chunk[static_cast<std::size_t>(axis)] = 1 + bytes.take<std::uint8_t>();
        H5Pset_chunk(layout.get(), rank, chunk.data());
        if (filter == 1)
            H5Pset_deflate(layout.get(), 1);
        else
            H5Pset_scaleoffset(layout.get(), H5Z_SO_INT, H5Z_SO_INT_MINBITS_DEFAULT);
    }
    const Hdf5Dataset made(
        H5Dcreate2(file, name.c_str(), type.get(), space.get(), H5P_DEFAULT, layout.get(), H5P_DEFAULT));
    std::vector<std::string> texts;
    const auto content = take_content(bytes, type.get(), space.get(), texts);
    if (made.get() >= 0 && !content.empty())
        H5Dwrite(made.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, content.data());
}

void make_attribute(hid_t file, const std::string& name, Bytes& bytes) {
    H5Adelete(file, name.c_str());
    const Hdf5Type type(take_type(bytes));
    const Hdf5Space space = take_shape(bytes);
    if (!is_small(space.get(), H5Tget_size(type.get()))) return;
    const Hdf5Attribute made(H5Acreate2(file, name.c_str(), type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT));
    std::vector<std::string> texts;
    const auto content = take_content(bytes, type.get(), space.get(), texts);
    if (made.get() >= 0 && !content.empty()) H5Awrite(made.get(), type.get(), content.data());
}

// Some bytes of a dataset of numbers.
void overwrite(hid_t file, const std::string& name, Bytes& bytes) {
    const Hdf5Dataset dataset(H5Dopen2(file, name.c_str(), H5P_DEFAULT));
    if (dataset.get() < 0) return;
    const Hdf5Type type(H5Dget_type(dataset.get()));
    const Hdf5Space space(H5Dget_space(dataset.get()));
    const std::size_t size = H5Tget_size(type.get());
    if (H5Tdetect_class(type.get(), H5T_VLEN) > 0 || H5Tis_variable_str(type.get()) > 0 || !is_small(space.get(), size))
        return;
    const hssize_t elements = H5Sget_simple_extent_npoints(space.get());
    if (elements == 0) return;
    std::vector<std::uint8_t> content(static_cast<std::size_t>(elements) * size);
    H5Dread(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, content.data());
    const std::size_t at = bytes.below(content.size());
    const Input some = bytes.take(1 + bytes.take<std::uint8_t>() % 16);
    std::copy_n(some.begin(), std::min(some.size(), content.size() - at),
                content.begin() + static_cast<std::ptrdiff_t>(at));
    H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, content.data());
}

void put_in_place(hid_t file, const std::string& name, const std::string& other, Bytes& bytes) {
    H5Ldelete(file, name.c_str(), H5P_DEFAULT);
    switch (bytes.take<std::uint8_t>() % 4) {
    case 0:
        H5Lmove(file, other.c_str(), file, name.c_str(), H5P_DEFAULT, H5P_DEFAULT);
        break;
    case 1:
        H5Lcreate_soft(other.c_str(), file, name.c_str(), H5P_DEFAULT, H5P_DEFAULT);
        break;
    case 2:
        H5Lcreate_external("/dev/zero", other.c_str(), file, name.c_str(), H5P_DEFAULT, H5P_DEFAULT);
        break;
    case 3:
        H5Gclose(H5Gcreate2(file, name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
        break;
    }
}

} // namespace

void edit_hdf5(const std::filesystem::path& path, Bytes& bytes) {
    const Hdf5Properties access = hdf5_file_access(); // and no errors are printed
    const Hdf5Handle<H5Fclose> file(H5Fopen(path.c_str(), H5F_ACC_RDWR, access.get()));
    require(file.get() >= 0, "the file opens");
    for (std::size_t edit = 0; edit < most_edits && !bytes.empty(); ++edit) {
        const auto what = bytes.take<std::uint8_t>();
        const auto datasets = objects(file.get());
        const auto names = attributes(file.get());
        if (datasets.empty()) return;
        const std::string& dataset = datasets[bytes.take<std::uint8_t>() % datasets.size()];
        switch (what % 7) {
        case 0:
            H5Ldelete(file.get(), dataset.c_str(), H5P_DEFAULT);
            break;
        case 1:
        case 2:
            H5Ldelete(file.get(), dataset.c_str(), H5P_DEFAULT);
            make_dataset(file.get(), dataset, bytes);
            break;
        case 3:
            overwrite(file.get(), dataset, bytes);
            break;
        case 4:
            put_in_place(file.get(), dataset, datasets[bytes.take<std::uint8_t>() % datasets.size()], bytes);
            break;
        default:
            if (names.empty()) break;
            const std::string& name = names[bytes.take<std::uint8_t>() % names.size()];
            if (what % 7 == 5)
                make_attribute(file.get(), name, bytes);
            else
                H5Adelete(file.get(), name.c_str());
        }
    }
}

} // namespace autosampling::fuzz
