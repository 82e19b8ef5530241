#include "autosampling/comm/message.hpp"

#include "autosampling/base/hash.hpp"

#include <cstring>

namespace autosampling {

std::string with_checksum(std::string bytes) {
    const std::uint64_t hash = hash_of(std::span<const char>(bytes));
    bytes.append(reinterpret_cast<const char*>(&hash), sizeof hash);
    return bytes;
}

std::string checked(std::string bytes) {
    std::uint64_t hash = 0;
    const bool whole = bytes.size() >= sizeof hash;
    if (whole) {
        std::memcpy(&hash, bytes.data() + bytes.size() - sizeof hash, sizeof hash);
        bytes.resize(bytes.size() - sizeof hash);
    }
    VALIDATE(whole && hash == hash_of(std::span<const char>(bytes)), ExitCode::failure, "a message of ", bytes.size(),
             " bytes between ranks is damaged (its checksum does not hold): check the network and the MPI library");
    return bytes;
}

} // namespace autosampling
