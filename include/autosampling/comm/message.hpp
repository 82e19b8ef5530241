// Structured messages between ranks, by Boost.Serialization: both ends are the same build. An archive isn't made for
// bytes that nobody vouches for, so that a checksum goes with it, and is looked at before the archive.
#pragma once

#include "autosampling/base/error.hpp"
#include "autosampling/comm/communicator.hpp"

#include <boost/archive/binary_iarchive.hpp>
#include <boost/archive/binary_oarchive.hpp>
#include <boost/serialization/string.hpp>
#include <boost/serialization/vector.hpp>

#include <exception>
#include <sstream>

namespace autosampling {

// The bytes with a checksum behind them; and back. Throws Error(failure) where it doesn't hold.
std::string with_checksum(std::string bytes);
std::string checked(std::string bytes);

template<class T>
std::string pack(const T& value) {
    std::ostringstream out;
    boost::archive::binary_oarchive(out, boost::archive::no_header) << value;
    return with_checksum(std::move(out).str());
}

template<class T>
T unpack(std::string bytes) {
    std::istringstream in(checked(std::move(bytes)));
    T value{};
    try {
        boost::archive::binary_iarchive(in, boost::archive::no_header) >> value;
    } catch (const std::exception& problem) {
        throw Error(ExitCode::failure, text("a message between ranks is not what it should be (", problem.what(),
                                            "): start all ranks from the same build"));
    }
    return value;
}

// The root's value to all; T has a Boost `serialize`. Collective.
template<class T>
void broadcast_message(const Communicator& comm, T& value, int root = 0) {
    std::string bytes = comm.rank() == root ? pack(value) : std::string{};
    std::uint64_t size = bytes.size();
    comm.broadcast(std::span(&size, 1), root);
    bytes.resize(size);
    comm.broadcast(std::span(bytes.data(), bytes.size()), root);
    if (comm.rank() != root) value = unpack<T>(bytes);
}

// Every rank's value, in the order of the ranks, on the root; empty elsewhere. Collective.
template<class T>
std::vector<T> gather_messages(const Communicator& comm, const T& value, int root = 0) {
    const std::string mine = pack(value);
    const std::uint64_t my_size = mine.size();
    const auto sizes = comm.gather(std::span(&my_size, 1), root);
    const auto bytes = comm.gather(std::span<const char>(mine.data(), mine.size()), root);
    std::vector<T> all;
    std::size_t at = 0;
    for (const std::uint64_t size : sizes) {
        all.push_back(unpack<T>(std::string(bytes.data() + at, size)));
        at += size;
    }
    return all;
}

} // namespace autosampling
