// agree and on_root: how an error of one rank becomes the error of all.
#include "autosampling/base/error_words.hpp"
#include "autosampling/base/narrow.hpp"
#include "autosampling/comm/message.hpp"

#include <algorithm>

namespace autosampling {
namespace {

// What an action ended with.
struct Outcome {
    bool failed = false;
    ExitCode code = ExitCode::failure;
    std::string message;

    template<class Archive>
    void serialize(Archive& archive, unsigned) {
        archive& failed& code& message;
    }
};

Outcome outcome_of(const std::function<void()>& action) {
    try {
        action();
    } catch (const Error& error) {
        return {true, error.code(), error.what()};
    } catch (const std::exception& error) {
        return {true, ExitCode::failure, words_of(error)};
    } catch (...) {
        return {true, ExitCode::failure, "an exception of an unknown kind"};
    }
    return {};
}

} // namespace

void Communicator::agree(const std::function<void()>& action) const {
    Outcome outcome = outcome_of(action);
    const int failed = outcome.failed ? 1 : 0;
    const std::vector<int> all = all_gather(std::span(&failed, 1));
    const auto first = std::find(all.begin(), all.end(), 1);
    if (first == all.end()) return;
    const auto failing = narrow<int>(first - all.begin());
    broadcast_message(*this, outcome, failing);
    if (std::count(all.begin(), all.end(), 1) < size()) outcome.message = name_of(failing) + ": " + outcome.message;
    throw Error(outcome.code, outcome.message, true);
}

void Communicator::on_root(const std::function<void()>& action) const {
    Outcome outcome;
    if (is_root()) outcome = outcome_of(action);
    broadcast_message(*this, outcome);
    if (!outcome.failed) return;
    if (outcome.code == ExitCode::failure) outcome.message = name_of(0) + ": " + outcome.message;
    throw Error(outcome.code, outcome.message, true);
}

} // namespace autosampling
