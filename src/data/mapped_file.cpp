#include "mapped_file.hpp"

#include "autosampling/base/error.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace autosampling::detail {

MappedFile::MappedFile(const std::filesystem::path& path) {
    const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status {};
    void* start = MAP_FAILED;
    if (descriptor >= 0 && fstat(descriptor, &status) == 0)
        start = mmap(nullptr, static_cast<std::size_t>(status.st_size), PROT_READ, MAP_SHARED, descriptor, 0);
    const int error = errno;
    if (descriptor >= 0) close(descriptor);
    VALIDATE(start != MAP_FAILED, ExitCode::data, path.string(), ": cannot be mapped (", std::strerror(error),
             "): check data.path and its permissions");
    bytes_ = {static_cast<const std::uint8_t*>(start), static_cast<std::size_t>(status.st_size)};
}

MappedFile::~MappedFile() {
    munmap(const_cast<std::uint8_t*>(bytes_.data()), bytes_.size());
}

void MappedFile::expect(std::uint64_t begin, std::uint64_t length) const {
    const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    const std::uint64_t first = begin / page * page;
    madvise(const_cast<std::uint8_t*>(bytes_.data()) + first, begin + length - first, MADV_WILLNEED);
}

} // namespace autosampling::detail
