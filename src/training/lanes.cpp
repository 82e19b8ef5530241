#include "autosampling/training/lanes.hpp"

#include "autosampling/base/error.hpp"

namespace autosampling {

Lanes::Lanes(const TrainerOptions& options, const Dataset& dataset, const Split& split, std::size_t count)
    : device_(options.device), streams_{current_stream(device_)} {
    EXPECT(count >= 1 && (count == 1 || !options.team || options.team->size() == 1));
    trainers_.push_back(std::make_unique<Trainer>(options, dataset, split));
    while (trainers_.size() < count) {
        take_stream(device_);
        streams_.push_back(current_stream(device_));
        trainers_.push_back(std::make_unique<Trainer>(options, dataset, split, trainers_.front().get()));
    }
    use_stream(device_, streams_.front());
}

void Lanes::on(std::size_t lane, const std::function<void(Trainer&)>& work) {
    use_stream(device_, streams_.at(lane));
    work(*trainers_[lane]);
    use_stream(device_, streams_.front());
}

void Lanes::fork() const {
    for (std::size_t lane = 1; lane < streams_.size(); ++lane) put_after(device_, streams_[lane], streams_.front());
}

void Lanes::join() const {
    for (std::size_t lane = 1; lane < streams_.size(); ++lane) put_after(device_, streams_.front(), streams_[lane]);
}

} // namespace autosampling
