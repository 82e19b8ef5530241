// Files with columns of the user's own, as data.signals names them.
#pragma once

#include "autosampling/base/hdf5_handle.hpp"

#include <filesystem>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace autosampling::testing {

template<class T>
Hdf5Type column_type() {
    if constexpr (std::is_same_v<T, std::int8_t>) return Hdf5Type(H5Tcopy(H5T_NATIVE_INT8));
    if constexpr (std::is_same_v<T, std::int64_t>) return Hdf5Type(H5Tcopy(H5T_NATIVE_INT64));
    if constexpr (std::is_same_v<T, float>) return Hdf5Type(H5Tcopy(H5T_NATIVE_FLOAT));
    if constexpr (std::is_same_v<T, double>) return Hdf5Type(H5Tcopy(H5T_NATIVE_DOUBLE));
    if constexpr (std::is_same_v<T, const char*>) {
        Hdf5Type type(H5Tcopy(H5T_C_S1));
        H5Tset_size(type.get(), H5T_VARIABLE);
        H5Tset_cset(type.get(), H5T_CSET_UTF8);
        return type;
    }
}

// Writes signals/NAME of this type, in place of one that is there already; `columns`: values of a row.
inline void put_column(const std::filesystem::path& path, const std::string& name, const Hdf5Type& type,
                       const void* values, hsize_t rows, hsize_t columns = 1) {
    const Hdf5Handle<H5Fclose> file(std::filesystem::exists(path)
                                        ? H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT)
                                        : H5Fcreate(path.c_str(), H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT));
    const std::string full = "signals/" + name;
    const Hdf5Properties links(H5Pcreate(H5P_LINK_CREATE));
    H5Pset_create_intermediate_group(links.get(), 1);
    if (H5Lexists(file.get(), "signals", H5P_DEFAULT) > 0 && H5Lexists(file.get(), full.c_str(), H5P_DEFAULT) > 0)
        H5Ldelete(file.get(), full.c_str(), H5P_DEFAULT);
    const hsize_t shape[]{rows, columns};
    const Hdf5Space space(H5Screate_simple(columns > 1 ? 2 : 1, shape, nullptr));
    const Hdf5Dataset dataset(
        H5Dcreate2(file.get(), full.c_str(), type.get(), space.get(), links.get(), H5P_DEFAULT, H5P_DEFAULT));
    if (H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0)
        throw std::runtime_error("cannot write " + full);
}

template<class T>
void put_column(const std::filesystem::path& path, const std::string& name, const std::vector<T>& values) {
    put_column(path, name, column_type<T>(), values.data(), values.size());
}

} // namespace autosampling::testing
