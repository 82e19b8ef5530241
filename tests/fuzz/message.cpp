// Messages between ranks.
#include "targets.hpp"

#include "autosampling/comm/message.hpp"
#include "autosampling/data/facts.hpp"

namespace autosampling::fuzz {
namespace {

// What is no message is refused before it is unpacked; what was packed is there again.
void message(Input input) {
    const std::string bytes(input.begin(), input.end());
    // Whoever makes the checksum hold can claim any length, for which a sanitizer ends the program.
    if (!reads([&] { checked(bytes); }))
        require(!reads([&] { unpack<DatasetFacts>(bytes); }), "no archive is read without its checksum");
    DatasetFacts facts;
    Bytes values(input);
    while (facts.class_names.size() < 8 && !values.empty()) {
        const Input some = values.take(std::size_t{values.take<std::uint8_t>()});
        facts.class_names.emplace_back(some.begin(), some.end());
        facts.mean.push_back(values.take<double>());
    }
    const std::string packed = pack(facts);
    const auto unpacked = unpack<DatasetFacts>(packed);
    require(unpacked.class_names == facts.class_names && pack(unpacked) == packed, "a message is what was sent");
    if (input.empty()) return;
    std::string damaged = packed;
    const std::size_t at = input[0] % packed.size();
    damaged[at] = static_cast<char>(damaged[at] ^ (input.back() | 1));
    require(!reads([&] { unpack<DatasetFacts>(damaged); }), "a damaged message is refused");
}

} // namespace

void add_message_target(std::map<std::string, Target>& targets) {
    targets.insert({"message", message});
}

} // namespace autosampling::fuzz
