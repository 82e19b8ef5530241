#include "pack_writer.hpp"

#include "autosampling/base/bytes.hpp"
#include "autosampling/base/error.hpp"
#include "packed_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace autosampling::detail {

namespace {

// Where `bytes` begins in the file. HDF5 puts it at the next multiple of this, being told to, as it is no shorter; what
// the file holds before it is less. So the images can be written before it is known how many bytes they take.
constexpr std::uint64_t begin_of_bytes = 1 << 16;

Hdf5Type text_type() {
    Hdf5Type type(H5Tcopy(H5T_C_S1));
    H5Tset_size(type.get(), H5T_VARIABLE);
    H5Tset_cset(type.get(), H5T_CSET_UTF8);
    return type;
}

} // namespace

PackWriter::PackWriter(std::filesystem::path path) : path_(std::move(path)), name_(temporary_name(path_)) {
    const Hdf5Properties access = hdf5_file_access();
    H5Pset_alignment(access.get(), begin_of_bytes, begin_of_bytes);
    new_file_ = NewFile(path_);
    file_ = Hdf5Handle<H5Fclose>(check(H5Fcreate(name_.c_str(), H5F_ACC_EXCL, H5P_DEFAULT, access.get())));
    descriptor_ = ::open(name_.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor_ < 0) fail(std::strerror(errno));
}

PackWriter::~PackWriter() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

void PackWriter::write_bytes(std::uint64_t at, std::span<const std::uint8_t> bytes) const {
    while (!bytes.empty()) {
        const auto done = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(begin_of_bytes + at));
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) fail(std::strerror(errno));
        bytes = bytes.subspan(static_cast<std::size_t>(done));
        at += static_cast<std::uint64_t>(done);
    }
}

void PackWriter::begin_index(std::uint64_t bytes) {
    const hsize_t length = std::max(bytes, begin_of_bytes);
    const Hdf5Properties layout(H5Pcreate(H5P_DATASET_CREATE));
    H5Pset_alloc_time(layout.get(), H5D_ALLOC_TIME_EARLY);
    H5Pset_fill_time(layout.get(), H5D_FILL_TIME_NEVER);
    const Hdf5Space space(check(H5Screate_simple(1, &length, nullptr)));
    const Hdf5Dataset dataset(
        check(H5Dcreate2(file_.get(), "bytes", H5T_NATIVE_UINT8, space.get(), H5P_DEFAULT, layout.get(), H5P_DEFAULT)));
    if (H5Dget_offset(dataset.get()) != begin_of_bytes) fail("HDF5 has put the images elsewhere");
    end_ = begin_of_bytes + bytes;
}

template<class T>
void PackWriter::write(const char* name, hid_t type, const std::vector<T>& values) const {
    const hsize_t length = values.size();
    const Hdf5Space space(check(H5Screate_simple(1, &length, nullptr)));
    const Hdf5Dataset dataset(
        check(H5Dcreate2(file_.get(), name, type, space.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)));
    check(H5Dwrite(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()));
}
template void PackWriter::write(const char*, hid_t, const std::vector<std::int32_t>&) const;
template void PackWriter::write(const char*, hid_t, const std::vector<std::int64_t>&) const;
template void PackWriter::write(const char*, hid_t, const std::vector<std::uint64_t>&) const;

void PackWriter::write(const char* name, const std::vector<std::string>& values) const {
    std::vector<const char*> pointers;
    for (const std::string& value : values) pointers.push_back(value.c_str());
    write(name, text_type().get(), pointers);
}

void PackWriter::write_attribute(const char* name, const std::string& value) const {
    const Hdf5Space space(H5Screate(H5S_SCALAR));
    const Hdf5Type type = text_type();
    const Hdf5Attribute attribute(
        check(H5Acreate2(file_.get(), name, type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT)));
    const char* pointer = value.c_str();
    check(H5Awrite(attribute.get(), type.get(), &pointer));
}

void PackWriter::commit() {
    check(H5Fflush(file_.get(), H5F_SCOPE_GLOBAL));
    check(H5Fclose(file_.release()));
    seal(name_, begin_of_bytes, end_);
    new_file_.publish();
}

void PackWriter::fail(const std::string& cause) const {
    throw Error(ExitCode::failure,
                text(name_.string(), ": cannot be written (", cause, "; ", bytes_text(free_bytes(path_)),
                     " free): check the folder, the disk and its quota"));
}

} // namespace autosampling::detail
