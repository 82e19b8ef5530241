// HDF5 identifiers as objects.
#pragma once

#include <hdf5.h>

#include <string>
#include <utility>

namespace autosampling {

// Owns one HDF5 identifier; `close` is its H5?close.
template<herr_t (*close)(hid_t)>
class Hdf5Handle {
  public:
    Hdf5Handle() = default;
    explicit Hdf5Handle(hid_t id) : id_(id) {}
    ~Hdf5Handle() { reset(); }
    Hdf5Handle(Hdf5Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)) {}
    Hdf5Handle& operator=(Hdf5Handle&& other) noexcept {
        if (this != &other) {
            reset();
            id_ = std::exchange(other.id_, H5I_INVALID_HID);
        }
        return *this;
    }
    hid_t get() const noexcept { return id_; }
    hid_t release() noexcept { return std::exchange(id_, H5I_INVALID_HID); }
    void reset() noexcept {
        if (id_ >= 0) close(id_);
        id_ = H5I_INVALID_HID;
    }

  private:
    hid_t id_ = H5I_INVALID_HID;
};

using Hdf5Dataset = Hdf5Handle<H5Dclose>;
using Hdf5Space = Hdf5Handle<H5Sclose>;
using Hdf5Type = Hdf5Handle<H5Tclose>;
using Hdf5Attribute = Hdf5Handle<H5Aclose>;
using Hdf5Properties = Hdf5Handle<H5Pclose>;

// HDF5's own words for the last failure, the innermost; of a failed system call the system's.
std::string hdf5_words();

// Before any other call of HDF5, whose own end of the process would try again to write a file that could not be
// written, and crash.
void start_hdf5();

// How a file is opened: without locks, which some parallel file systems haven't. From then on HDF5 prints no errors.
Hdf5Properties hdf5_file_access();

} // namespace autosampling
